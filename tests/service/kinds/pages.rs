//! Pages of other origins that call the service (Fetch standard, CORS protocol): what they are
//! given by a GET or POST they must be given by the preflight too, on errors as well.

use edge_token::dialect::{Dialect, Endpoint};

use super::transport::{host, paths, realms};
use super::*;

const ORIGIN: Option<&str> = Some("https://app.example");
const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const ALLOW_HEADERS: &str = "access-control-allow-headers";

fn preflight<'a>(path: &'a str, requested: Option<&'a str>) -> Request<'a> {
    Request {
        method: "OPTIONS",
        path,
        origin: ORIGIN,
        requested_headers: requested,
        ..Request::default()
    }
}

fn send(fixture: &Fixture, host: &str, request: &Request<'_>) -> Answer {
    fixture.send_with(host, request, &|octets| {
        octets.fill(0x5a);
        Ok(())
    })
}

#[test]
fn every_document_answers_preflights_of_every_origin() {
    let fixture = realms();
    let mut seen = 0;
    for dialect in Dialect::ALL {
        let documents = paths(dialect).into_iter();
        for (_, path) in documents.filter(|(endpoint, _)| endpoint.is_document()) {
            for requested in [
                None,
                Some("mcp-protocol-version"),
                Some("if-none-match"),
                Some("authorization,mcp-protocol-version, x-request-id"),
            ] {
                let answer = send(&fixture, &host(dialect), &preflight(&path, requested));
                assert_eq!(answer.status(), 204, "{path}");
                assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"), "{path}");
                assert_eq!(answer.header(ALLOW_METHODS), Some("GET, HEAD"), "{path}");
                assert_eq!(answer.header(ALLOW_HEADERS), requested, "{path}");
                assert_eq!(answer.header("access-control-allow-credentials"), None);
                assert_eq!(answer.response.body, "");
                assert!(answer.log.is_none());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 4 * (7 + 8 + 3 + 3));
    assert_eq!(fixture.store.reads(), 0);
}

/// What goes back of a request is a list of names, or nothing.
#[test]
fn only_a_list_of_names_is_allowed_as_it_was_asked_for() {
    let fixture = Fixture::new();
    let (longest, too_long) = ("a".repeat(1024), "a".repeat(1025));
    for (requested, is_list) in [
        ("mcp-protocol-version", true),
        ("X-Custom, content-type,DPoP", true),
        ("a\t,\tb", true),
        ("!#$%&'*+-.^_`|~09", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("", false),
        (" ", false),
        (",", false),
        ("a,,b", false),
        ("a,", false),
        ("a b", false),
        ("a;b", false),
        ("a: b", false),
        ("<script>", false),
        ("ä", false),
        ("a\"", false),
        ("a\r\nset-cookie: x=y", false),
        ("a\nb", false),
        ("a\0", false),
    ] {
        let answer = fixture.send(&preflight("/.well-known/jwks.json", Some(requested)));
        assert_eq!(answer.status(), 204, "{requested:?}");
        let expected = Some(requested).filter(|_| is_list);
        assert_eq!(answer.header(ALLOW_HEADERS), expected, "{requested:?}");
    }
}

#[test]
fn scripts_read_the_errors_of_documents_too() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "ended": { "issuer": "https://auth.example/realms/ended", "signing_keys": ["OLD"] },
        "broken": { "issuer": "x" },
        "unknown": { "issuer": "https://auth.example/realms/unknown", "dialect": "x" },
        "local": { "issuer": "http://127.0.0.1/realms/local" },
    });
    let mut secrets = secrets();
    secrets.insert("OLD", jwk_set(&[&key(2, NOW - 9, NOW - 1)]));
    let fixture = Fixture::configured(realms, &secrets);
    for (path, status, allowed) in [
        ("/realms/ended/jwks", 503, Some("*")),
        ("/realms/broken/jwks", 503, Some("*")),
        (
            "/realms/broken/.well-known/openid-configuration",
            503,
            Some("*"),
        ),
        ("/realms/unknown/jwks", 503, Some("*")),
        ("/realms/local/jwks", 503, Some("*")),
        ("/realms/broken/token", 503, None),
        ("/realms/none/jwks", 404, None),
    ] {
        let get = Request {
            method: "GET",
            origin: ORIGIN,
            path,
            ..Request::default()
        };
        let answer = fixture.send(&get);
        assert_eq!(
            (answer.status(), answer.header(ALLOW_ORIGIN)),
            (status, allowed),
            "{path}"
        );
        let asked = fixture.send(&preflight(path, Some("x-y")));
        assert_eq!(asked.status() == 204, allowed.is_some(), "{path}");
        assert_eq!(asked.header(ALLOW_ORIGIN), allowed, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for path in ["/realms/default/jwks", "/realms/ended/jwks"] {
            let answer = fixture.send(&Request {
                method,
                origin: ORIGIN,
                path,
                ..Request::default()
            });
            assert_eq!(answer.status(), 405, "{path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
            assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
        }
    }
}

/// A person who meets a realm that is not served gets a page, as from one that is.
#[test]
fn a_broken_realm_has_a_page_for_browsers() {
    let fixture = Fixture::configured(json!({ "default": { "issuer": "x" } }), &secrets());
    let answer = fixture.get("/realms/default/authorize");
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("retry-after"), Some("5"));
}

/// A realm with all endpoints for scripts.
fn realm(origins: &Value) -> Fixture {
    let realms = json!({ "default": {
        "issuer": ISSUER, "allowed_origins": origins,
        "login_url": "https://login.example/", "login_clients": ["login"],
        "logout_url": "https://login.example/out",
        "registration": {
            "grant_types": ["client_credentials"], "auth_methods": ["client_secret_basic"],
        },
    } });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("client_registration").unwrap();
    });
    fixture
}

#[test]
fn scripts_of_allowed_origins_register_and_introspect() {
    let fixture = realm(&json!(["https://app.example"]));
    let app = basic("app", SECRET);
    let token = fixture.token("").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Bearer {token}");
    let introspect = format!("token={token}");
    let register = Request {
        content_type: Some("application/json"),
        ..post(
            "/realms/default/register",
            r#"{"grant_types":["client_credentials"]}"#,
        )
    };
    let inspect = post("/realms/default/introspect", &introspect);
    for (status, request) in [
        (
            201,
            Request {
                authorization: Some(&bearer),
                ..register
            },
        ),
        (401, register),
        (
            400,
            Request {
                authorization: Some(&bearer),
                content_type: None,
                ..register
            },
        ),
        (
            405,
            Request {
                method: "GET",
                ..register
            },
        ),
        (
            200,
            Request {
                authorization: Some(&app),
                ..inspect
            },
        ),
        (401, inspect),
        (400, post("/realms/default/introspect", "")),
        (
            405,
            Request {
                method: "PUT",
                ..inspect
            },
        ),
        (
            413,
            Request {
                body: &[b'a'; 17_000],
                ..inspect
            },
        ),
        (204, preflight("/realms/default/register", None)),
        (204, preflight("/realms/default/introspect", None)),
    ] {
        for (origin, allowed) in [
            (ORIGIN, ORIGIN),
            (Some("https://evil.example"), None),
            (Some("null"), None),
            (None, None),
        ] {
            let answer = fixture.send(&Request { origin, ..request });
            assert_eq!(answer.status(), status, "{request:?}");
            assert_eq!(answer.header(ALLOW_ORIGIN), allowed, "{request:?}");
            assert_eq!(answer.header("vary"), Some("origin"));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let closed = realm(&json!([]));
    for path in ["/realms/default/register", "/realms/default/introspect"] {
        let answer = closed.send(&preflight(path, Some("content-type")));
        assert_eq!(
            (answer.status(), answer.header("allow")),
            (405, Some("POST"))
        );
        assert_eq!(answer.header(ALLOW_ORIGIN), None);
        assert_eq!(answer.header(ALLOW_HEADERS), None);
    }
}

/// Without a wish of its own a script may send what the endpoint reads.
#[test]
fn a_preflight_of_scripts_allows_what_it_asks_for() {
    let fixture = realm(&json!(["*"]));
    for path in [
        "/token",
        "/realms/default/register",
        "/realms/default/userinfo",
    ] {
        for (requested, allowed) in [
            (None, "authorization, content-type, dpop"),
            (
                Some("content-type,mcp-protocol-version"),
                "content-type,mcp-protocol-version",
            ),
            (Some("<script>"), "authorization, content-type, dpop"),
        ] {
            let answer = fixture.send(&preflight(path, requested));
            assert_eq!(answer.header(ALLOW_HEADERS), Some(allowed), "{path}");
            assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        }
    }
}

/// `Allow` and preflights say of each endpoint what it does (RFC 9110 §10.2.1).
#[test]
fn methods_are_told_as_they_are() {
    for (origins, has_scripts) in [(json!(["*"]), true), (json!([]), false)] {
        let fixture = realm(&origins);
        for (endpoint, path) in paths(Dialect::ALL[0]) {
            let asked = |method| {
                fixture.send(&Request {
                    method,
                    origin: ORIGIN,
                    ..post(&path, "")
                })
            };
            let told = asked("BREW");
            assert_eq!(told.status(), 405, "{path}");
            let allow = told
                .header("allow")
                .unwrap()
                .split(", ")
                .collect::<Vec<_>>();
            for method in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "",
            ] {
                let answer = asked(method);
                let is_told = allow.contains(&method);
                assert_eq!(
                    answer.status() != 405,
                    is_told,
                    "{method} {path}: {allow:?}"
                );
                if !is_told {
                    assert_eq!(
                        answer.header("allow"),
                        told.header("allow"),
                        "{method} {path}"
                    );
                }
            }
            let has_preflight = endpoint.is_document() || has_scripts && endpoint.is_for_scripts();
            assert_eq!(allow.contains(&"OPTIONS"), has_preflight, "{path}");
            if has_preflight {
                let preflight = asked("OPTIONS");
                assert_eq!(preflight.header("allow"), told.header("allow"));
                let methods = preflight.header(ALLOW_METHODS).unwrap();
                assert_eq!(format!("{methods}, OPTIONS"), allow.join(", "), "{path}");
            }
        }
        let userinfo = fixture.send(&preflight("/realms/default/userinfo", None));
        let methods = Some("GET, POST").filter(|_| has_scripts);
        assert_eq!(userinfo.header(ALLOW_METHODS), methods);
    }
    assert_eq!(Endpoint::ALL.len(), 11);
}
