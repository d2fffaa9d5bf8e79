//! Requests by plain http, in which anybody on the way reads secrets and tokens (RFC 6749 §1.6,
//! §3.2), and what browsers are told so that they do not come that way (RFC 6797).

use edge_token::dialect::{Dialect, Endpoint, RFC9068};
use edge_token::error::Rejection;
use edge_token::service::Reply;

use super::*;

const HSTS: &str = "strict-transport-security";

/// A realm of each dialect with all endpoints, each on a host of its own.
pub(super) fn realms() -> Fixture {
    let mut realms = json!({});
    for dialect in Dialect::ALL {
        let (name, host) = (name(dialect), host(dialect));
        realms[name] = json!({
            "dialect": dialect.name, "hosts": [host],
            "issuer": format!("https://{host}/realms/{name}"),
            "login_url": "https://login.example/", "login_clients": ["login"],
            "logout_url": "https://login.example/out",
            "registration": {
                "grant_types": ["client_credentials"], "auth_methods": ["client_secret_basic"],
            },
        });
    }
    let fixture = Fixture::configured(realms, &secrets());
    for dialect in Dialect::ALL {
        fixture.register_in(name(dialect), "app", |_| ());
    }
    fixture
}

fn name(dialect: &Dialect) -> &'static str {
    match dialect.name {
        "rfc9068" => "default",
        name => name,
    }
}

pub(super) fn host(dialect: &Dialect) -> String {
    format!("{}.example", dialect.name)
}

/// Every path of a dialect's realm, with the login application's.
pub(super) fn paths(dialect: &Dialect) -> Vec<(Endpoint, String)> {
    let mut paths = dialect.paths.to_vec();
    if dialect.name == RFC9068.name {
        paths.extend(dialect.default_realm_paths);
    }
    let mut all = Vec::new();
    for (endpoint, path) in paths {
        let path = path.replace("{realm}", name(dialect));
        let under: &[(Endpoint, &str)] = match endpoint {
            Endpoint::Authorization => &Endpoint::LOGIN,
            Endpoint::EndSession => &Endpoint::SIGN_OUT,
            _ => &[],
        };
        let under = under.iter();
        all.extend(under.map(|(endpoint, end)| (*endpoint, format!("{path}{end}"))));
        all.push((endpoint, path));
    }
    all
}

fn send(fixture: &Fixture, host: &str, request: &Request<'_>) -> Answer {
    fixture.send_with(host, request, &|octets| {
        octets.fill(0x5a);
        Ok(())
    })
}

#[test]
fn no_endpoint_but_documents_answers_by_plain_http() {
    let fixture = realms();
    let authorization = basic("app", SECRET);
    let mut refused = 0;
    for dialect in Dialect::ALL {
        for (endpoint, path) in paths(dialect) {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT"] {
                let request = Request {
                    method,
                    authorization: Some(&authorization),
                    origin: Some("https://app.example"),
                    query: "client_id=app&response_type=code",
                    by_plain_http: true,
                    ..post(&path, "grant_type=client_credentials")
                };
                let answer = send(&fixture, &host(dialect), &request);
                if endpoint.is_document() {
                    let expected = match method {
                        "GET" | "HEAD" => 200,
                        "OPTIONS" => 204,
                        _ => 405,
                    };
                    assert_eq!(answer.status(), expected, "{method} {path}");
                    continue;
                }
                refused += 1;
                assert_eq!(answer.status(), 403, "{method} {path}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                assert_eq!(answer.header(HSTS), None);
                assert_eq!(answer.reason(), "by plain http");
                let said = "The request must come by https.";
                if method == "HEAD" {
                    assert_eq!(answer.response.body, "");
                } else if endpoint.is_for_browsers() {
                    let media_type = Some("text/html; charset=utf-8");
                    assert_eq!(answer.header("content-type"), media_type);
                    assert!(answer.response.body.contains(said));
                } else {
                    let body =
                        json!({ "error": "invalid_request", dialect.error_description: said });
                    assert_eq!(answer.json(), body, "{method} {path}");
                }
                // By https it is not refused for that.
                let request = Request {
                    by_plain_http: false,
                    ..request
                };
                let answer = send(&fixture, &host(dialect), &request);
                assert!(!answer.response.body.contains(said), "{path}");
            }
        }
    }
    assert_eq!(refused, 5 * 71);
}

#[test]
fn nothing_is_read_or_counted_of_what_came_by_plain_http() {
    let fixture = Fixture::new();
    let good = basic("app", SECRET);
    for authorization in [Some(good.as_str()), Some("Basic eA=="), None] {
        let answer = fixture.send(&Request {
            authorization,
            by_plain_http: true,
            ..post("/token", "grant_type=client_credentials")
        });
        assert_eq!(answer.error(), (403, "invalid_request".into()));
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.log()["client_id"], Value::Null);
    }
    assert_eq!(fixture.store.reads(), 0);
    assert_eq!(fixture.token("").status(), 200);
}

#[test]
fn what_stays_on_the_machine_may_come_by_plain_http() {
    let fixture = Fixture::new();
    let authorization = basic("app", SECRET);
    for (authority, status) in [
        ("127.0.0.1:8787", 200),
        ("127.0.0.1", 200),
        ("localhost:8787", 200),
        ("[::1]:8787", 200),
        ("auth.example", 403),
        ("auth.example:8787", 403),
        ("localhost.example", 403),
        ("127.0.0.1.example", 403),
        ("127.0.0.1@auth.example", 403),
        ("10.0.0.1", 403),
        ("", 403),
    ] {
        let request = Request {
            authorization: Some(&authorization),
            by_plain_http: true,
            ..post("/token", "grant_type=client_credentials")
        };
        let answer = send(&fixture, authority, &request);
        assert_eq!(answer.status(), status, "{authority}");
        assert_eq!(answer.header(HSTS), None, "{authority}");
    }
}

/// An issuer of this machine is no reason to serve others, whatever they come by.
#[test]
fn an_http_issuer_is_still_served_on_loopback_alone() {
    let realms = json!({ "default": { "issuer": "http://127.0.0.1:8787/realms/default" } });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    let authorization = basic("app", SECRET);
    for by_plain_http in [true, false] {
        for (authority, status) in [("127.0.0.1:8787", 200), ("auth.example", 503)] {
            let request = Request {
                authorization: Some(&authorization),
                by_plain_http,
                ..post("/token", "grant_type=client_credentials")
            };
            assert_eq!(send(&fixture, authority, &request).status(), status);
        }
    }
}

#[test]
fn every_answer_by_https_has_browsers_come_that_way_again() {
    let realms = json!({
        "default": { "issuer": ISSUER, "allowed_origins": ["*"], "login_url": "https://login.example/",
            "login_clients": ["login"] },
        "broken": { "issuer": "x" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |client| {
        client.grant_types.push("authorization_code".into());
        client.redirect_uris = vec!["https://app.example/cb".into()];
    });
    let app = basic("app", SECRET);
    let get = |path| Request {
        method: "GET",
        path,
        ..Request::default()
    };
    let token = Request {
        authorization: Some(&app),
        ..post("/token", "grant_type=client_credentials")
    };
    for (status, request) in [
        (200, token),
        (401, post("/token", "grant_type=client_credentials")),
        (400, post("/token", "")),
        (405, get("/token")),
        (
            204,
            Request {
                method: "OPTIONS",
                ..token
            },
        ),
        (
            413,
            Request {
                body: &[b'a'; 17_000],
                ..token
            },
        ),
        (
            431,
            Request {
                header_fields: 101,
                ..token
            },
        ),
        (404, get("/nowhere")),
        (
            404,
            Request {
                method: "HEAD",
                ..get("/nowhere")
            },
        ),
        (503, get("/health")),
        (405, post("/health", "")),
        (503, post("/realms/broken/token", "")),
        (200, get("/")),
        (405, post("/", "")),
        (200, get("/.well-known/jwks.json")),
        (
            304,
            Request {
                if_none_match: Some("*"),
                ..get("/.well-known/jwks.json")
            },
        ),
        (400, get("/realms/default/authorize")),
        (
            303,
            Request {
                query: "client_id=app&response_type=code",
                ..get("/realms/default/authorize")
            },
        ),
    ] {
        let answer = send(&fixture, "auth.example", &request);
        assert_eq!(answer.status(), status, "{request:?}");
        let fields = answer.response.headers.iter();
        let values = fields.filter(|(name, _)| *name == HSTS);
        let values = values.map(|(_, value)| value.as_ref()).collect::<Vec<_>>();
        assert_eq!(values, ["max-age=31536000"], "{request:?}");
        // Not where anybody could have written it, nor for the programs of a machine.
        for (authority, by_plain_http) in [
            ("auth.example", true),
            ("localhost:8787", false),
            ("127.0.0.1:8787", false),
            ("127.0.0.1:8787", true),
        ] {
            let request = Request {
                by_plain_http,
                ..request
            };
            assert_eq!(send(&fixture, authority, &request).header(HSTS), None);
        }
    }
    for (authority, by_plain_http, expected) in [
        ("auth.example", false, true),
        ("auth.example", true, false),
        ("127.0.0.1:8787", false, false),
    ] {
        let request = Request {
            authority,
            by_plain_http,
            ..token
        };
        let reply = Reply::without_body(
            &request,
            Rejection::UnreadableBody,
            UnixTime::from_seconds(NOW),
        );
        let has = reply.response.headers.iter().any(|(name, _)| *name == HSTS);
        assert_eq!(has, expected, "{authority}");
    }
}

#[test]
fn health_is_told_by_plain_http_too() {
    let fixture = Fixture::new();
    for method in ["GET", "HEAD"] {
        let answer = fixture.send(&Request {
            method,
            path: "/health",
            by_plain_http: true,
            ..Request::default()
        });
        assert_eq!(answer.status(), 200);
    }
}
