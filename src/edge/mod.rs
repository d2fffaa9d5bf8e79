//! The edge: a request of the Workers runtime in, an answer out. It reads the clock, randomness,
//! bindings and headers, and decides nothing.

mod grant_store;
mod store;
mod warm_up;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, JSON, Object, Reflect, Uint8Array};
use worker::worker_sys::web_sys::{Request, Response, ResponseInit};
use worker::{
    ByteStream, Context, Date, Env, Result, ScheduleContext, ScheduledEvent, console_error,
    console_log, console_warn, event,
};

use self::store::EdgeStore;
use crate::certificate::{ClientCertificate, Connection};
use crate::context::FillRandom;
use crate::endpoint::MAX_BODY;
use crate::http;
use crate::service::{Log, Reply, Service};
use crate::store::Memory;
use crate::time::UnixTime;

thread_local! {
    /// What this isolate has. A new deployment, secret or variable starts new isolates.
    static ISOLATE: OnceCell<Rc<Isolate>> = const { OnceCell::new() };
}

/// What requests share.
struct Isolate {
    service: Service,
    memory: Memory,
}

/// Runs when an isolate starts, before any request and without bindings, clock or randomness.
#[event(start)]
fn start() {
    // That it does not get to its end is no reason not to serve.
    _ = warm_up::run();
}

/// Answers one request.
#[event(fetch)]
#[allow(
    clippy::disallowed_methods,
    reason = "this is where randomness comes from"
)]
async fn fetch(request: Request, env: Env, _: Context) -> Result<Response> {
    let isolate = ISOLATE.with(|isolate| Rc::clone(isolate.get_or_init(|| Rc::new(begin(&env)))));
    let head = Head::read(&request);
    #[cfg(feature = "panic-on-demand")]
    panic_on_demand(path(&head.url)).await;
    let body = read_body(request, &head).await;
    // Not before the body is there: its sender could take as long as they like.
    let now = now();
    let reply = match body {
        Ok(body) => {
            let request = head.with_body(&body);
            let store = EdgeStore::of(&env, &isolate.memory);
            respond(&isolate.service, request, now, &getrandom::fill, &store).await
        }
        Err(_) => Reply::unreadable(now),
    };
    if let Some(log) = &reply.log {
        write(log);
    }
    answer(&reply.response)
}

/// Runs when the cron trigger of `wrangler.toml` says so: tells which keys near their end.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    for log in load(&env).key_warnings(now()) {
        write(&log);
    }
}

fn write(log: &Log) {
    match log {
        Log::Info(line) => console_log!("{line}"),
        Log::Warning(line) => console_warn!("{line}"),
        Log::Error(line) => console_error!("{line}"),
    }
}

fn now() -> UnixTime {
    UnixTime::from_seconds(Date::now().as_millis() / 1000)
}

/// The service's answer. Boxed, so that this code exists once: what [`warm_up`] runs is then what
/// requests run.
#[inline(never)]
fn respond<'a>(
    service: &'a Service,
    request: http::Request<'a>,
    now: UnixTime,
    fill_random: FillRandom<'a>,
    store: &'a EdgeStore<'a>,
) -> LocalBoxFuture<'a, Reply> {
    Box::pin(async move { service.respond(&request, now, fill_random, store).await })
}

fn begin(env: &Env) -> Isolate {
    let (service, memory) = (load(env), Memory::default());
    Isolate { service, memory }
}

/// Reads the service's configuration out of the bindings.
#[inline(never)]
fn load(env: &Env) -> Service {
    let mut variables = Vec::new();
    for name in Object::keys(env.unchecked_ref::<Object>())
        .iter()
        .filter_map(|n| n.as_string())
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

/// What the service reads of a request, but for its body.
struct Head {
    method: String,
    url: String,
    header_fields: u32,
    headers: [Option<String>; HEADERS.len()],
    content_length: Option<usize>,
    handshake: Handshake,
}

/// What the runtime knows of the TLS handshake, read when it is asked for.
struct Handshake {
    request: Request,
    certificate: OnceCell<Option<[String; CERTIFICATE.len()]>>,
}

/// The header fields that the service reads, in the order of [`Head::headers`].
const HEADERS: [&str; 10] = [
    "authorization",
    "content-type",
    "content-encoding",
    "accept",
    "origin",
    "cf-connecting-ip",
    "if-none-match",
    "cookie",
    "dpop",
    "cf-ray",
];

/// What is read of `request.cf.tlsClientAuth`, in the order of [`Handshake::certificate`].
const CERTIFICATE: [&str; 4] = [
    "certVerified",
    "certRevoked",
    "certSubjectDNRFC2253",
    "certFingerprintSHA256",
];

impl Head {
    #[inline(never)]
    fn read(request: &Request) -> Self {
        let headers = request.headers();
        let get = |name| headers.get(name).ok().flatten();
        Self {
            method: request.method(),
            url: request.url(),
            header_fields: Array::from(&headers.keys()).length(),
            headers: HEADERS.map(get),
            content_length: get("content-length").and_then(|length| length.parse().ok()),
            handshake: Handshake {
                request: Clone::clone(request),
                certificate: OnceCell::new(),
            },
        }
    }

    fn with_body<'a>(&'a self, body: &'a [u8]) -> http::Request<'a> {
        let [
            authorization,
            content_type,
            content_encoding,
            accept,
            origin,
            address,
            if_none_match,
            cookie,
            dpop,
            ray,
        ] = &self.headers;
        http::Request {
            method: &self.method,
            authority: authority(&self.url),
            path: path(&self.url),
            query: query(&self.url),
            authorization: authorization.as_deref(),
            content_type: content_type.as_deref(),
            content_encoding: content_encoding.as_deref(),
            accept: accept.as_deref(),
            origin: origin.as_deref(),
            client_address: address.as_deref(),
            if_none_match: if_none_match.as_deref(),
            cookie: cookie.as_deref(),
            dpop: dpop.as_deref(),
            ray: ray.as_deref(),
            header_fields: usize::try_from(self.header_fields).unwrap_or(usize::MAX),
            connection: Some(&self.handshake),
            body,
        }
    }
}

impl Connection for Handshake {
    fn certificate(&self) -> Option<ClientCertificate<'_>> {
        let read = || {
            let member = |of: &JsValue, name| Reflect::get(of, &JsValue::from_str(name)).ok();
            let text = |of, name| Some(member(of, name)?.as_string().unwrap_or_default());
            let told = member(&member(&self.request, "cf")?, "tlsClientAuth")?;
            let is_shown = text(&told, "certPresented")? == "1";
            is_shown.then(|| CERTIFICATE.map(|name| text(&told, name).unwrap_or_default()))
        };
        let [verified, revoked, subject_dn, fingerprint] =
            self.certificate.get_or_init(read).as_ref()?;
        Some(ClientCertificate {
            verified,
            revoked,
            subject_dn,
            fingerprint,
        })
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake")
    }
}

/// Host and port of a URL as the runtime writes it.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The path of a URL as the runtime writes it.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.find('/').and_then(|at| rest.get(at..));
    let path = rest.and_then(|rest| rest.split(['?', '#']).next());
    path.unwrap_or("/")
}

/// The query of a URL as the runtime writes it, without its `?`.
fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Reads the body of a POST.
async fn read_body(request: Request, head: &Head) -> Result<Vec<u8>> {
    match head.content_length {
        _ if head.method != "POST" => Ok(Vec::new()),
        // At once, which costs less than by a stream: the runtime takes no more than is announced.
        Some(length) if length <= MAX_BODY => {
            let buffer = JsFuture::from(request.array_buffer()?).await?;
            Ok(Uint8Array::new(&buffer).to_vec())
        }
        _ if request.body().is_none() => Ok(Vec::new()),
        _ => read_at_most(MAX_BODY, worker::Request::from(request).stream()?).await,
    }
}

/// Reads a body, but never more of it than shows that it has more than `max` octets.
async fn read_at_most(max: usize, mut chunks: ByteStream) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let room = max.saturating_add(1).saturating_sub(body.len());
        let chunk = chunk?;
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() > max {
            break;
        }
    }
    Ok(body)
}

/// Writes an answer as the runtime wants it.
#[inline(never)]
fn answer(response: &http::Response) -> Result<Response> {
    let pair =
        |(name, value): &(&str, Cow<str>)| Array::of2(&(*name).into(), &value.as_ref().into());
    let headers = response.headers.iter().map(pair).collect::<Array>();
    let init = ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers);
    let body = Some(response.body.as_str()).filter(|body| !body.is_empty());
    Ok(Response::new_with_opt_str_and_init(body, &init)?)
}

/// Panics for requests to `/panic-on-demand`, and to `/panic-on-demand/later` after an await, when the
/// runtime no longer waits in the call. In builds of tests alone.
#[cfg(feature = "panic-on-demand")]
#[allow(clippy::panic, reason = "it is what it is for")]
async fn panic_on_demand(path: &str) {
    if path == "/panic-on-demand/later" {
        worker::Delay::from(std::time::Duration::from_millis(100)).await;
    }
    if path.starts_with("/panic-on-demand") {
        panic!("a request to /panic-on-demand");
    }
}
