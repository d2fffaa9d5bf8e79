//! The edge: a request of the Workers runtime in, an answer out. It reads the clock, randomness,
//! bindings and headers, and decides nothing.

mod store;

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{JSON, Object, Reflect};
use worker::{
    Date, Env, Headers, Request, Response, ResponseBuilder, Result, console_error, console_log,
    event,
};

use self::store::EdgeStore;
use crate::endpoint::MAX_BODY;
use crate::http;
use crate::jose::es256;
use crate::service::{Log, Reply, Service};
use crate::time::UnixTime;

thread_local! {
    /// The service of this isolate. A new deployment, secret or variable starts new isolates.
    static SERVICE: OnceCell<Rc<Service>> = const { OnceCell::new() };
}

/// Runs when an isolate starts, before any request and without bindings.
#[event(start)]
fn start() {
    es256::warm_up();
}

/// Answers one request.
#[event(fetch)]
#[allow(
    clippy::disallowed_methods,
    reason = "this is where randomness comes from"
)]
async fn fetch(mut request: Request, env: Env, _: worker::Context) -> Result<Response> {
    let now = UnixTime::from_seconds(Date::now().as_millis() / 1000);
    let service = SERVICE.with(|service| Rc::clone(service.get_or_init(|| Rc::new(load(&env)))));
    let headers = request.headers().clone();
    let [authorization, content_type, content_encoding, if_none_match] = [
        "authorization",
        "content-type",
        "content-encoding",
        "if-none-match",
    ]
    .map(|name| headers.get(name).ok().flatten());
    let (method, url, path) = (request.method(), request.inner().url(), request.path());
    let reply = match read(&mut request).await {
        Ok(body) => {
            let request = http::Request {
                method: method.as_ref(),
                authority: authority(&url),
                path: &path,
                authorization: authorization.as_deref(),
                content_type: content_type.as_deref(),
                content_encoding: content_encoding.as_deref(),
                if_none_match: if_none_match.as_deref(),
                body: &body,
            };
            service
                .respond(&request, now, &getrandom::fill, &EdgeStore::new(&env))
                .await
        }
        Err(error) => Reply::unreadable(error.to_string(), now),
    };
    match reply.log {
        Some(Log::Info(line)) => console_log!("{line}"),
        Some(Log::Error(line)) => console_error!("{line}"),
        None => (),
    }
    let headers = Headers::new();
    for (name, value) in &reply.response.headers {
        headers.set(name, value)?;
    }
    let response = ResponseBuilder::new()
        .with_status(reply.response.status)
        .with_headers(headers);
    Ok(match reply.response.body {
        body if body.is_empty() => response.empty(),
        body => response.fixed(body.into_bytes()),
    })
}

/// Reads the service's configuration out of the bindings.
fn load(env: &Env) -> Service {
    let mut variables = Vec::new();
    for name in Object::keys(env.unchecked_ref::<Object>())
        .iter()
        .filter_map(|name| name.as_string())
    {
        if name == "REALMS" || name.starts_with("REALMS_") {
            let value = Reflect::get(env, &JsValue::from(&name)).unwrap_or_default();
            // A table of wrangler.toml is an object; the dashboard knows text only.
            let text = value
                .as_string()
                .or_else(|| JSON::stringify(&value).ok()?.as_string());
            variables.push((name, text.unwrap_or_default()));
        }
    }
    Service::new(&variables, &|name| {
        env.secret(name).ok()?.as_ref().as_string()
    })
}

/// Host and port of a URL as the runtime writes it.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Reads the body of a POST, but never more of it than shows that it is too large.
async fn read(request: &mut Request) -> Result<Vec<u8>> {
    use futures_util::StreamExt as _;

    let mut body = Vec::new();
    if request.method() == worker::Method::Post && request.inner().body().is_some() {
        let mut chunks = request.stream()?;
        while let Some(chunk) = chunks.next().await {
            let room = (MAX_BODY + 1).saturating_sub(body.len());
            let chunk = chunk?;
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if body.len() > MAX_BODY {
                break;
            }
        }
    }
    Ok(body)
}
