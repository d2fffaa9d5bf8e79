//! The target for the whole service: requests one after another to a service of four realms, over a
//! storage in memory, and what must hold of each answer.
//!
//! An input is a text of requests, `###` between two, as editors have them in `.http` files:
//!
//! ```text
//! POST /token
//! Authorization: Basic {basic:app}
//!
//! grant_type=client_credentials&scope=read
//! ###
//! POST /realms/default/introspect
//! …
//! ```
//!
//! What stands in braces is made up on the way, since libFuzzer can neither sign nor guess: see
//! [`World::expand`]. Besides those of HTTP a request may have the header fields `Wait`, the seconds
//! since the one before, `Certificate`, of its connection, and `Storage: fails`.

mod check;
mod world;

use edge_token::http::Request;
use edge_token::proof::certificate::{ClientCertificate, Connection};
use edge_token::store::StoreError;

use self::world::World;
use super::known::{FINGERPRINT, HOST, SUBJECT_DN, known};

/// The most requests of an input.
const MAX_REQUESTS: usize = 16;

/// A request as it is sent.
#[derive(Debug, Default)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: String,
    pub authority: String,
    pub by_plain_http: bool,
    pub authorization: Option<String>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub accept: Option<String>,
    pub origin: Option<String>,
    pub if_none_match: Option<String>,
    pub cookie: Option<String>,
    pub dpop: Option<String>,
    pub ray: Option<String>,
    pub requested_headers: Option<String>,
    pub header_fields: usize,
    pub certificate: Option<&'static ClientCertificate<'static>>,
    pub body: Vec<u8>,
    /// Seconds since the one before.
    wait: u32,
    pub storage_fails: bool,
}

/// Requests one after another.
pub fn service(data: &[u8]) {
    let mut world = World::new();
    let mut rest = data;
    for _ in 0..MAX_REQUESTS {
        let (block, more) = split(rest, b"\n###\n").unwrap_or((rest, &[]));
        let sent = read(block, &world);
        send(&sent, &mut world);
        if more.is_empty() {
            break;
        }
        rest = more;
    }
}

fn send(sent: &Sent, world: &mut World) {
    let failure = sent.storage_fails.then_some(StoreError::Timeout);
    world.store.fail_acts(failure);
    world.wait(sent.wait);
    let request = Request {
        method: &sent.method,
        by_plain_http: sent.by_plain_http,
        authority: &sent.authority,
        path: &sent.path,
        query: &sent.query,
        authorization: sent.authorization.as_deref(),
        content_type: sent.content_type.as_deref(),
        content_encoding: sent.content_encoding.as_deref(),
        accept: sent.accept.as_deref(),
        origin: sent.origin.as_deref(),
        client_address: Some("192.0.2.1"),
        if_none_match: sent.if_none_match.as_deref(),
        cookie: sent.cookie.as_deref(),
        dpop: sent.dpop.as_deref(),
        ray: sent.ray.as_deref(),
        requested_headers: sent.requested_headers.as_deref(),
        header_fields: sent.header_fields,
        connection: sent
            .certificate
            .map(|certificate| certificate as &dyn Connection),
        body: &sent.body,
    };
    let fill = |octets: &mut [u8]| {
        world.fill(octets);
        Ok(())
    };
    let reply = known()
        .service
        .respond(&request, world.now, &fill, &world.store);
    let reply = pollster::block_on(reply);
    check::check(sent, &reply, world);
    world.learn(&reply.response);
}

/// Reads a request. What is no part of one is left out.
fn read(block: &[u8], world: &World) -> Sent {
    let (head, body) = split(block, b"\n\n").unwrap_or((block, &[]));
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let mut sent = Sent {
        authority: HOST.to_owned(),
        content_type: Some("application/x-www-form-urlencoded".to_owned()),
        ..Sent::default()
    };
    let (method, target) = line.split_once(' ').unwrap_or((line, "/token"));
    sent.method = method.to_owned();
    // Already here, since a proof is for the request that it comes with.
    sent.path = target.split('?').next().unwrap_or_default().to_owned();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        sent.header_fields += 1;
        let value = value.trim_matches(' ');
        let value = world.expand(value.as_bytes(), &sent);
        let value = String::from_utf8_lossy(&value).into_owned();
        match name.to_ascii_lowercase().as_str() {
            "host" => sent.authority = value,
            "authorization" => sent.authorization = Some(value),
            "content-type" => sent.content_type = Some(value).filter(|text| !text.is_empty()),
            "content-encoding" => sent.content_encoding = Some(value),
            "accept" => sent.accept = Some(value),
            "origin" => sent.origin = Some(value),
            "if-none-match" => sent.if_none_match = Some(value),
            "cookie" => sent.cookie = Some(value),
            "dpop" => sent.dpop = Some(value),
            "cf-ray" => sent.ray = Some(value),
            "access-control-request-headers" => sent.requested_headers = Some(value),
            "scheme" => sent.by_plain_http = value == "http",
            "certificate" => sent.certificate = certificate(&value),
            "wait" => sent.wait = value.parse().unwrap_or_default(),
            "storage" => sent.storage_fails = value == "fails",
            _ => (),
        }
    }
    let target = String::from_utf8_lossy(&world.expand(target.as_bytes(), &sent)).into_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    (sent.path, sent.query) = (path.to_owned(), query.to_owned());
    sent.body = world.expand(body, &sent);
    sent
}

/// A certificate by its name.
fn certificate(name: &str) -> Option<&'static ClientCertificate<'static>> {
    const GOOD: ClientCertificate<'static> = ClientCertificate {
        verified: "SUCCESS",
        revoked: "0",
        subject_dn: SUBJECT_DN,
        fingerprint: FINGERPRINT,
    };
    static CERTIFICATES: [(&str, ClientCertificate<'static>); 5] = [
        ("good", GOOD),
        (
            "revoked",
            ClientCertificate {
                revoked: "1",
                ..GOOD
            },
        ),
        (
            "unverified",
            ClientCertificate {
                verified: "FAILED:x",
                ..GOOD
            },
        ),
        (
            "other",
            ClientCertificate {
                subject_dn: "CN=other",
                ..GOOD
            },
        ),
        (
            "nameless",
            ClientCertificate {
                subject_dn: "",
                fingerprint: "+0",
                ..GOOD
            },
        ),
    ];
    let mut known = CERTIFICATES.iter();
    known
        .find(|(known, _)| *known == name)
        .map(|(_, certificate)| certificate)
}

/// What stands before and after the first `mark`.
fn split<'d>(data: &'d [u8], mark: &[u8]) -> Option<(&'d [u8], &'d [u8])> {
    let at = data.windows(mark.len()).position(|window| window == mark)?;
    Some((&data[..at], &data[at + mark.len()..]))
}
