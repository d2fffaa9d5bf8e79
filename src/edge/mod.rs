//! The edge: a request of the Workers runtime in, an answer out. It reads the clock, randomness,
//! bindings and headers, and decides nothing.

mod grant_store;
mod store;
mod warm_up;

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{JSON, Object, Promise, Reflect, Uint8Array};
use worker::worker_sys::web_sys::{Request, Response};
use worker::{Context, Date, Env, Result, ScheduleContext, ScheduledEvent, event};

use self::store::EdgeStore;
use crate::context::FillRandom;
use crate::endpoint::MAX_BODY;
use crate::error::Rejection;
use crate::http;
use crate::proof::certificate::{ClientCertificate, Connection};
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
    let (described, content_length) = head.request();
    #[cfg(feature = "panic-on-demand")]
    panic_on_demand(described.path).await;
    #[cfg(feature = "sign-on-demand")]
    sign_on_demand(described.path);
    let body = match (described.method, content_length) {
        // Which costs less than by a stream: the runtime takes no more than is announced.
        ("POST", Some(length)) if length <= MAX_BODY => body(read_all_in_time(&request)).await,
        ("POST", _) => body(read_at_most_in_time(&request, MAX_BODY)).await,
        _ => Ok(Vec::new()),
    };
    // Not before the body is there: its sender could take as long as they like.
    let now = now();
    let reply = match body {
        Ok(body) => {
            let request = http::Request {
                body: &body,
                ..described
            };
            let store = EdgeStore::of(&env, &isolate.memory);
            respond(&isolate.service, request, now, &getrandom::fill, &store).await
        }
        Err(why) => Reply::without_body(&described, why, now),
    };
    if let Some(log) = &reply.log {
        write(log, &env);
    }
    answer(&reply.response)
}

/// Runs when the cron trigger of `wrangler.toml` says so: tells which keys near their end.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    for log in load(&env).key_warnings(now()) {
        write(&log, &env);
    }
}

/// Writes a line to the log, and what it tells to Analytics Engine, if that is bound.
fn write(log: &Log, env: &Env) {
    match log {
        Log::Info(line) => self::log("log", line, env.as_ref()),
        Log::Warning(line) => self::log("warn", line, env.as_ref()),
        Log::Error(line) => self::log("error", line, env.as_ref()),
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

#[wasm_bindgen(module = "/src/edge/glue.js")]
extern "C" {
    fn describe(request: &Request) -> String;
    fn log(level: &str, line: &str, env: &JsValue);
    #[wasm_bindgen(js_name = readAllInTime)]
    fn read_all_in_time(message: &JsValue) -> Promise;
    #[wasm_bindgen(js_name = readAtMostInTime)]
    fn read_at_most_in_time(message: &JsValue, max: usize) -> Promise;
    #[wasm_bindgen(js_name = readAtMost)]
    fn read_at_most(message: &JsValue, max: usize) -> Promise;
    #[wasm_bindgen(catch)]
    fn response(status: u16, fields: &str, body: &str) -> Result<Response, JsValue>;
}

/// What the service reads of a request, but for its body.
struct Head {
    /// What `describe` says.
    text: String,
    handshake: Handshake,
}

/// What the runtime knows of the TLS handshake, read when it is asked for.
struct Handshake {
    request: Request,
    certificate: OnceCell<Option<[String; CERTIFICATE.len()]>>,
}

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
        Self {
            text: describe(request),
            handshake: Handshake {
                request: Clone::clone(request),
                certificate: OnceCell::new(),
            },
        }
    }

    /// The request without its body, and how long that is, if it says so.
    fn request(&self) -> (http::Request<'_>, Option<usize>) {
        let mut lines = self.text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, url, header_fields) = (line(), line(), line());
        let mut field = || line().strip_prefix('+');
        let content_length = field().and_then(|length| length.parse().ok());
        let request = http::Request {
            method,
            by_plain_http: !url.starts_with("https://"),
            authority: authority(url),
            path: path(url),
            query: query(url),
            authorization: field(),
            content_type: field(),
            content_encoding: field(),
            accept: field(),
            origin: field(),
            client_address: field(),
            if_none_match: field(),
            cookie: field(),
            dpop: field(),
            ray: field(),
            requested_headers: field(),
            header_fields: header_fields.parse().unwrap_or(usize::MAX),
            connection: Some(&self.handshake),
            body: &[],
        };
        (request, content_length)
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

/// The octets of a request's body, or why there are none: it was cut off, or takes too long.
async fn body(promise: Promise) -> std::result::Result<Vec<u8>, Rejection> {
    let octets = JsFuture::from(promise).await;
    let octets = octets.map_err(|_| Rejection::UnreadableBody)?;
    match octets.is_null() {
        true => Err(Rejection::BodyTimeout),
        false => Ok(Uint8Array::new(&octets).to_vec()),
    }
}

/// The octets that a promise gives.
async fn octets(promise: Promise) -> Result<Vec<u8>> {
    Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
}

/// Writes an answer as the runtime wants it.
#[inline(never)]
fn answer(response: &http::Response) -> Result<Response> {
    let lines = response.headers.iter();
    let lines = lines.flat_map(|(name, value)| [name, value.as_ref()]);
    // One with a line break would pass for others.
    if lines.clone().any(|line| line.contains('\n')) {
        return Err("a header field with a line break".into());
    }
    let fields = lines.collect::<Vec<_>>().join("\n");
    Ok(self::response(response.status, &fields, &response.body)?)
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

/// Signs for requests to `/sign-on-demand/N`, N times. In builds of benchmarks alone.
#[cfg(feature = "sign-on-demand")]
fn sign_on_demand(path: &str) {
    use jwt_compact::Algorithm as _;
    let count = path.strip_prefix("/sign-on-demand/").map(str::parse);
    let key = p256::ecdsa::SigningKey::from_slice(&[1; 32]);
    if let (Some(Ok(count)), Ok(key)) = (count, key) {
        for _ in 0..count {
            std::hint::black_box(crate::jose::es256::Es256.sign(&key, &[0; 300]));
        }
    }
}
