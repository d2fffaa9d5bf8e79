//! What a browser, a login application and clients remember between requests.

use std::cell::Cell;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edge_token::http::Response;
use edge_token::store::MemoryStore;
use edge_token::time::{Seconds, UnixTime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::known::{
    CLIENT_KEY, CLIENTS, HOST, IDP, IDP_KEY, ISSUER, NOW, ODD_SECRET, SECRET, Shows, at, key,
    known, public_jwk, sign,
};
use super::Sent;

/// A text that nothing may tell of any request that has it where secrets stand.
pub const CANARY: &str = "canary-in-the-coal-mine-7f3a";

/// How far time may go: past the lives of tokens, not of keys.
const MAX_AGE: u64 = 50_000_000;

pub struct World {
    pub store: MemoryStore,
    pub now: UnixTime,
    random: Cell<u64>,
    /// What was told, by what it is called in an input, the last of each last.
    told: Vec<(&'static str, String)>,
    /// Tokens that must not be good any more, with the realm that they are of.
    pub dead: BTreeSet<(String, String)>,
    /// What can be used once and was, so that the service gave something for it.
    pub used: BTreeSet<String>,
    /// Clients that registered.
    pub registered: Vec<Registered>,
    /// What stood where no secret stands, in any request.
    pub open: String,
}

/// A client that registered.
pub struct Registered {
    pub id: String,
    pub secret: Option<String>,
    redirect_uris: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let store = MemoryStore::default();
        for (key, record) in &known().records {
            store.put_at(key.clone(), Ok(record.clone()));
        }
        Self {
            store,
            now: at(NOW),
            random: Cell::new(0),
            told: Vec::new(),
            dead: BTreeSet::new(),
            used: BTreeSet::new(),
            registered: Vec::new(),
            open: String::new(),
        }
    }

    pub fn wait(&mut self, seconds: u32) {
        self.now = self.now.plus(Seconds(seconds)).min(at(NOW + MAX_AGE));
    }

    /// Fills octets that no two requests have in common: SplitMix64.
    pub fn fill(&self, octets: &mut [u8]) {
        for chunk in octets.chunks_mut(8) {
            self.random
                .set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
            let mut word = self.random.get();
            word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ word >> 31).to_le_bytes()[..chunk.len()]);
        }
    }

    /// Replaces what stands in braces:
    ///
    /// - `{secret}`, `{odd}`, `{canary}`, `{long}`: texts, the last longer than a body may be
    /// - `{basic:ID}`: the Basic credentials of a client
    /// - `{assertion:JTI}`, `{idp:JTI}`: a signed assertion of the client `signer`, or by a trusted
    ///   issuer
    /// - `{proof:JTI}`: a DPoP proof for this request, with the last nonce
    /// - `{token}`, `{refresh}`, `{id_token}`, `{ticket}`, `{decision}`, `{code}`, `{cookie}`,
    ///   `{request_uri}`, `{nonce}`, `{etag}`, `{client_id}`, `{client_secret}`: what was told last;
    ///   with a 2 or 3 behind, what was told before that
    pub fn expand(&self, input: &[u8], sent: &Sent) -> Vec<u8> {
        let mut expanded = Vec::with_capacity(input.len());
        let mut rest = input;
        while let Some(begin) = rest.iter().position(|octet| *octet == b'{') {
            let (before, from) = rest.split_at(begin);
            expanded.extend_from_slice(before);
            let end = from.iter().take(40).position(|octet| *octet == b'}');
            let name = end.and_then(|end| std::str::from_utf8(&from[1..end]).ok());
            let text = name.and_then(|name| self.named(name, sent));
            match (text, end) {
                (Some(text), Some(end)) => {
                    expanded.extend_from_slice(text.as_bytes());
                    rest = &from[end + 1..];
                }
                _ => {
                    expanded.push(b'{');
                    rest = &from[1..];
                }
            }
        }
        expanded.extend_from_slice(rest);
        expanded
    }

    fn named(&self, name: &str, sent: &Sent) -> Option<String> {
        let (name, more) = name.split_once(':').unwrap_or((name, ""));
        let plain = name.trim_end_matches(['2', '3']);
        let back = match name.strip_prefix(plain) {
            Some("2") => 1,
            Some("3") => 2,
            _ => 0,
        };
        Some(match plain {
            "secret" => SECRET.to_owned(),
            "odd" => ODD_SECRET.to_owned(),
            "canary" => CANARY.to_owned(),
            "long" => "a".repeat(16 * 1024),
            "basic" => {
                let known = CLIENTS.iter().find(|(id, ..)| *id == more);
                let secret = match known {
                    Some((_, _, Shows::Secret(secret))) => secret,
                    _ => CANARY,
                };
                STANDARD.encode(format!("{more}:{secret}"))
            }
            "assertion" => by("signer", "signer", CLIENT_KEY, self.now, more),
            "idp" => by(IDP, "mike", IDP_KEY, self.now, more),
            "proof" => self.proof(sent, more),
            _ => return self.last(plain, back).map(str::to_owned),
        })
    }

    fn proof(&self, sent: &Sent, jti: &str) -> String {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk(CLIENT_KEY) });
        let mut claims = json!({
            "jti": format!("p{jti}"), "htm": sent.method, "iat": self.now.seconds(),
            "htu": format!("https://{HOST}{}", sent.path), "nonce": self.last("nonce", 0),
        });
        if let Some((_, token)) = sent
            .authorization
            .as_deref()
            .and_then(|a| a.split_once(' '))
        {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token.trim())).into();
        }
        sign(CLIENT_KEY, &header.to_string(), &claims.to_string())
    }

    fn last(&self, name: &str, back: usize) -> Option<&str> {
        let mut told = self.told.iter().rev().filter(|(known, _)| *known == name);
        told.nth(back).map(|(_, text)| text.as_str())
    }

    /// Whether the service told that text as one of these.
    pub fn has_told(&self, names: &[&str], text: &str) -> bool {
        self.told
            .iter()
            .any(|(name, told)| names.contains(name) && told == text)
    }

    /// All that was told and is nobody else's business.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        const PUBLIC: [&str; 3] = ["nonce", "etag", "client_id"];
        let told = self.told.iter().filter(|(name, _)| !PUBLIC.contains(name));
        told.map(|(_, text)| text.as_str())
    }

    /// Takes note of what an answer tells.
    pub fn learn(&mut self, response: &Response) {
        for (name, value) in &response.headers {
            match *name {
                "dpop-nonce" => self.tell("nonce", value),
                "etag" => self.tell("etag", value),
                "set-cookie" => self.tell("cookie", value.split(';').next().unwrap_or_default()),
                "location" => self.learn_query(value),
                _ => (),
            }
        }
        let Ok(body) = serde_json::from_str::<Value>(&response.body) else {
            return;
        };
        for (name, member) in [
            ("token", "access_token"),
            ("refresh", "refresh_token"),
            ("id_token", "id_token"),
            ("request_uri", "request_uri"),
            ("client_secret", "client_secret"),
        ] {
            if let Some(text) = body[member].as_str() {
                self.tell(name, text);
            }
        }
        if let Some(target) = body["redirect_to"].as_str() {
            self.learn_query(target);
        }
        if response.status == 201
            && let Some(id) = body["client_id"].as_str()
        {
            let uris = ["redirect_uris", "post_logout_redirect_uris"];
            let uris = uris.iter().filter_map(|member| body[member].as_array());
            let uris = uris.flatten().filter_map(Value::as_str);
            self.registered.push(Registered {
                id: id.to_owned(),
                secret: body["client_secret"].as_str().map(str::to_owned),
                redirect_uris: uris.map(str::to_owned).collect(),
            });
            self.tell("client_id", id);
        }
    }

    /// Where clients that registered let browsers be sent.
    pub fn redirect_uris(&self) -> impl Iterator<Item = &str> {
        let uris = self.registered.iter().flat_map(|new| &new.redirect_uris);
        uris.map(String::as_str)
    }

    fn learn_query(&mut self, url: &str) {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "ticket" => self.tell("ticket", &value),
                "decision" => self.tell("decision", &value),
                "code" => self.tell("code", &value),
                _ => (),
            }
        }
    }

    fn tell(&mut self, name: &'static str, text: &str) {
        self.told.push((name, text.to_owned()));
    }
}

/// An assertion (RFC 7523 §3) for the realm `default`, good for a minute.
fn by(issuer: &str, subject: &str, octet: u8, now: UnixTime, jti: &str) -> String {
    let header = json!({ "alg": "ES256", "kid": key(octet).kid().as_str() });
    let claims = json!({
        "iss": issuer, "sub": subject, "aud": ISSUER, "iat": now.seconds(),
        "exp": now.plus(Seconds(60)).seconds(), "jti": format!("a{jti}"),
    });
    sign(octet, &header.to_string(), &claims.to_string())
}
