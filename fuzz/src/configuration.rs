//! The target for the configuration of realms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::dialect::{Dialect, Endpoint};
use edge_token::http::Request;
use edge_token::realm::Realms;
use edge_token::service::{Log, Service};
use edge_token::store::MemoryStore;
use serde_json::{Value, json};

use super::known::{NOW, REALM_KEY, at, key};
use super::{seen, taken, text};

thread_local! {
    /// One key: each costs a multiplication on the curve every time that it is read.
    static KEYS: String = {
        let key = serde_json::to_value(key(REALM_KEY).to_private_jwk()).unwrap();
        json!({ "keys": [key] }).to_string()
    };
}

/// The text of `REALMS`, and after a line `###` that of `REALMS_2`. A realm that is served is found
/// where its metadata says, and one that is not answers 503, never 404.
pub fn realms(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let names = ["REALMS", "REALMS_2"];
    let texts = text.split("\n###\n").take(names.len());
    let variables = names.into_iter().zip(texts);
    let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let variables = variables.collect::<Vec<_>>();
    let secret = |name: &str| (name == "SIGNING_KEYS").then(|| KEYS.with(String::clone));
    let read = Realms::parse(&variables, &secret, &Dialect::ALL);
    let service = Service::new(&variables, &secret);
    let d = URL_SAFE_NO_PAD.encode([REALM_KEY; 32]);
    // Unless the fuzzer has learnt it and writes it into the configuration itself.
    let is_told = |line: &str| line.contains(&d) && !text.contains(&d);
    let mut errors = 0;
    for realm in read.all() {
        taken(realm.is_ok());
        match realm {
            Ok(realm) => {
                assert!(realm.issuer.as_str().starts_with("http"));
                assert!(realm.access_token_ttl.0 > 0);
                assert!(realm.login_url.is_none() || !realm.login_clients.is_empty());
                for claim in ["iss", "sub", "aud", "exp", "jti", "client_id", "scope"] {
                    assert!(!realm.claims.contains_key(claim), "{claim}");
                }
                if realm.url(Endpoint::Discovery).is_some() {
                    assert_eq!(realm.iss(), realm.issuer.as_str());
                }
                for origin in realm.origins("other.example") {
                    assert!(origin.starts_with("https://") || origin.starts_with("http://"));
                }
            }
            Err(error) => {
                errors += 1;
                assert!(!is_told(&error.to_string()));
            }
        }
    }
    // The same by way of the service: each realm, wherever its endpoints would be.
    for warning in service.key_warnings(at(NOW)) {
        let (Log::Info(line) | Log::Warning(line) | Log::Error(line)) = warning;
        assert!(serde_json::from_str::<Value>(&line).is_ok() && !is_told(&line));
    }
    let store = MemoryStore::default();
    let send = |authority: &str, path: &str, method: &str| {
        let request = Request {
            method,
            authority,
            path,
            content_type: Some("application/x-www-form-urlencoded"),
            body: b"grant_type=client_credentials&client_id=nobody",
            ..Request::default()
        };
        let fill = |octets: &mut [u8]| {
            octets.fill(7);
            Ok(())
        };
        let reply = service.respond(&request, at(NOW), &fill, &store);
        let reply = pollster::block_on(reply);
        let status = reply.response.status;
        seen(|| format!("{method} {status}"));
        assert!(!is_told(&reply.response.body));
        assert!(
            [200, 303, 400, 401, 404, 405, 415, 503].contains(&status),
            "{status}"
        );
        status
    };
    let health = send("localhost", "/health", "GET");
    assert!(errors == 0 || health == 503);
    for realm in read.all().filter_map(Result::ok).take(8) {
        let authority = realm.issuer.origin().split_once("://").unwrap().1;
        for endpoint in Endpoint::ALL {
            let Some(url) = realm.url(endpoint) else {
                continue;
            };
            let path = url.strip_prefix(realm.issuer.origin()).unwrap();
            // Its hosts may be others than the issuer's; then another realm can be there.
            let Some((at, Ok(found))) = read.at(authority, path) else {
                continue;
            };
            if found.name == realm.name {
                let method = if at.is_document() { "GET" } else { "POST" };
                let status = send(authority, path, method);
                assert!(status != 404 && status != 503, "{path} {status}");
                assert!(status != 200 || at.is_document() || at == Endpoint::EndSession);
            }
        }
    }
}
