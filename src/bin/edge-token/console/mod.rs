//! `console`: a web page on 127.0.0.1 that does what the commands do, by the commands themselves.
//!
//! `guard` says who is let in, `acts` what is done, `page` is what the browser shows. wrangler is
//! slow and waits, so acts run beside the thread that serves, and one after the other.

mod acts;
mod guard;
mod page;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, Response, StatusCode};
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use self::acts::Act;
use self::guard::{Admitted, Guard};
use crate::Error;
use crate::check::Url;
use crate::target::{Target, project};

/// The most octets of an act.
const MAX_ACT: usize = 64 * 1024;

/// What every answer says: nothing runs or is loaded but what is embedded here, nobody frames it or
/// holds a window of it, nothing is kept, and no other page is told where this one is.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for \
         'script'; trusted-types 'none'",
    ),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
];

#[derive(Args)]
pub(crate) struct Arguments {
    /// The port of 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Where the service is reached, if not where its issuers say: an origin, as that of `make run
    /// PORT=9000`
    #[arg(long, value_parser = url, value_name = "URL")]
    service: Option<Url>,
}

fn url(text: &str) -> Result<Url, &'static str> {
    Url::parse(text).ok_or("an origin, like `http://127.0.0.1:9000`")
}

/// What the page acts on.
struct Console {
    guard: Guard,
    target: Target,
    service: Option<Url>,
    /// Whose turn it is to change or read what is stored: an act reads a record and writes it.
    turn: Mutex<()>,
}

/// Serves until it is ended.
pub(crate) fn run(arguments: Arguments, target: &Target) -> Result<ExitCode, Error> {
    target.not_print()?;
    project()?;
    let failed = |error: std::io::Error| {
        let port = arguments.port.unwrap_or_default();
        Error::State(format!(
            "cannot serve on 127.0.0.1, port {port}: {error}. --port names another"
        ))
    };
    let runtime = Builder::new_current_thread().enable_io().build();
    runtime.map_err(failed)?.block_on(async {
        let port = arguments.port.unwrap_or_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let (guard, link) = Guard::new(port)?;
        eprintln!(
            "The console acts on {}. Ctrl-C ends it.",
            acts::named(target)
        );
        eprintln!("Open this in a browser, once; whoever opens it first has the console:");
        println!("{link}");
        let console = Console {
            guard,
            target: target.clone(),
            service: arguments.service,
            turn: Mutex::new(()),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(console));
        axum::serve(listener, router).await.map_err(failed)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(State(console): State<Arc<Console>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut response = match console.guard.admit(&head) {
        Err(refusal) => text(refusal.status(), refusal.to_string()),
        Ok(Admitted::Entered { location, cookie }) => {
            let mut response = text(StatusCode::SEE_OTHER, String::new());
            for (name, value) in [(LOCATION, location), (SET_COOKIE, cookie)] {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Ok(Admitted::Page(name)) => match page::file(&name) {
            Some((media_type, file)) => with_type(media_type, Response::new(file.into())),
            None => text(StatusCode::NOT_FOUND, "There is nothing here.".into()),
        },
        Ok(Admitted::Act) => {
            let (status, value) = match act(console, body).await {
                Ok(value) => (StatusCode::OK, value),
                Err(error) => {
                    let error = json!({ "error": error.to_string() });
                    (StatusCode::UNPROCESSABLE_ENTITY, error)
                }
            };
            let mut response =
                with_type("application/json", Response::new(value.to_string().into()));
            *response.status_mut() = status;
            response
        }
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn act(console: Arc<Console>, body: Body) -> Result<Value, Error> {
    let unread = |error| Error::Argument(format!("the request cannot be read: {error}"));
    let body = to_bytes(body, MAX_ACT).await.map_err(unread)?;
    let act = serde_json::from_slice::<Act>(&body)
        .map_err(|error| Error::Argument(format!("the request is no act: {error}")))?;
    let done = spawn_blocking(move || act.run(&console)).await;
    done.unwrap_or_else(|error| Err(Error::State(format!("it was cut off: {error}"))))
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = with_type("text/plain; charset=utf-8", Response::new(text.into()));
    *response.status_mut() = status;
    response
}

fn with_type(media_type: &'static str, mut response: Response<Body>) -> Response<Body> {
    let value = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}
