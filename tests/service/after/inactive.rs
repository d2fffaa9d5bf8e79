//! RFC 7662 §2.2: of a token that is not active the caller is told that, and nothing else. §4: not
//! why either, which is for the log.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::time::Seconds;

use super::*;

/// What makes a token and says who asks about it.
type Ask = fn(&mut People) -> (&'static str, String);

const NOT_OURS: &str = "invalid access token: not one of this realm";
const EXPIRED: &str = "invalid access token: expired";
const NOT_CONCERNED: &str =
    "invalid access token: neither issued to the caller nor for one of its resources";
const VOID: &str = "invalid access token: issued before a not-before moment";
const NO_CLIENT: &str = "invalid access token: its client is disabled or gone";
const REVOKED: &str = "invalid access token: revoked";
const NO_FAMILY: &str = "invalid access token: its family has ended";
const VOID_FAMILY: &str = "invalid access token: its family began before a not-before moment";
const UNKNOWN: &str = "unknown code, ticket or token";
const OVER: &str = "code, ticket or token has expired";

/// An access token of `machine`, as the realm would sign it, for whoever wants to bend it.
fn good() -> Signed {
    Signed::access_token("machine").claim("aud", API)
}

fn access(people: &People) -> String {
    people.tokens("openid").text("access_token")
}

fn refresh(people: &People) -> String {
    people.tokens("openid").text("refresh_token")
}

/// The token with another character at that place.
fn bent(token: &str, at: usize) -> String {
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

/// The token with a header of its own, under the same signature.
fn with_header(token: &str, header: Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn disable(people: &People, id: &str) {
    people.register(id, |client| client.disabled = true);
}

fn delete(people: &People, id: &str) {
    let key = format!("client/default/{id}");
    people.fixture.store.remove_at(&key);
}

/// Nothing that `caller` could ask about here is active.
const ROWS: &[(&str, &str, Ask)] = &[
    // What is no token at all.
    ("a word", NOT_OURS, |_| ("app", "x".into())),
    ("a space", NOT_OURS, |_| ("app", " ".into())),
    ("an octet of 0", NOT_OURS, |_| ("app", "\0".into())),
    ("three parts", NOT_OURS, |_| ("app", "a.b.c".into())),
    ("dots alone", NOT_OURS, |_| ("app", "..".into())),
    ("what is not ASCII", NOT_OURS, |_| ("app", "ä.ö.ü".into())),
    ("a long text", NOT_OURS, |_| ("app", "A".repeat(12_000))),
    ("112 characters", UNKNOWN, |_| ("app", "A".repeat(112))),
    ("a secret", NOT_OURS, |_| ("app", SECRET.into())),
    // Access tokens that nobody issued.
    ("another signature", NOT_OURS, |_| {
        (
            "app",
            good().with_signature(|s| {
                let mut octets = s.to_bytes().to_vec();
                octets[40] ^= 1;
                octets
            }),
        )
    }),
    ("no signature", NOT_OURS, |people| {
        let token = people.machine();
        let (signed, _) = token.rsplit_once('.').unwrap();
        ("machine", format!("{signed}."))
    }),
    ("a signature cut short", NOT_OURS, |people| {
        let token = people.machine();
        ("machine", token[..token.len() - 4].to_owned())
    }),
    ("more after it", NOT_OURS, |people| {
        ("machine", format!("{}A", people.machine()))
    }),
    ("two tokens", NOT_OURS, |people| {
        ("machine", format!("{0} {0}", people.machine()))
    }),
    ("a scheme before it", NOT_OURS, |people| {
        ("machine", format!("Bearer {}", people.machine()))
    }),
    ("another key under our name", NOT_OURS, |_| {
        ("machine", good().signed_by(CLIENT_KEY).text())
    }),
    ("a key of the client", NOT_OURS, |_| {
        let token = good().header("kid", kid(CLIENT_KEY));
        ("machine", token.signed_by(CLIENT_KEY).text())
    }),
    ("a key in the token", NOT_OURS, |_| {
        let token = good().with_jwk(public_jwk(CLIENT_KEY)).without("kid");
        ("machine", token.signed_by(CLIENT_KEY).text())
    }),
    ("alg none", NOT_OURS, |people| {
        let token = with_header(&people.machine(), json!({ "alg": "none", "typ": "at+jwt" }));
        ("machine", token)
    }),
    ("alg HS256", NOT_OURS, |_| {
        ("machine", good().header("alg", "HS256").text())
    }),
    ("typ of an ID token", NOT_OURS, |_| {
        ("machine", good().header("typ", "JWT").text())
    }),
    ("no typ", NOT_OURS, |_| {
        ("machine", good().without("typ").text())
    }),
    ("no jti", NOT_OURS, |_| {
        ("machine", good().without("jti").text())
    }),
    ("no client_id", NOT_OURS, |_| {
        ("machine", good().without("client_id").text())
    }),
    ("no iat", NOT_OURS, |_| {
        ("machine", good().without("iat").text())
    }),
    ("iat a text", NOT_OURS, |_| {
        ("machine", good().claim("iat", "1").text())
    }),
    ("no exp", NOT_OURS, |_| {
        ("machine", good().without("exp").text())
    }),
    ("exp a text", NOT_OURS, |_| {
        ("machine", good().claim("exp", "1").text())
    }),
    ("claims that are a list", NOT_OURS, |_| {
        ("machine", good().with_claims("[]"))
    }),
    ("claims twice", NOT_OURS, |_| {
        let claims = good().claims().replacen('{', r#"{"iss":"x","#, 1);
        ("machine", good().with_claims(claims))
    }),
    ("no iss", NOT_OURS, |_| {
        ("machine", good().without("iss").text())
    }),
    ("another realm's iss", NOT_OURS, |_| {
        let token = good().claim("iss", "https://auth.example/realms/other");
        ("machine", token.text())
    }),
    ("sid that is none", NOT_OURS, |_| {
        ("machine", good().claim("sid", "1").text())
    }),
    ("sid of nothing", NO_FAMILY, |_| {
        let token = good().claim("sid", "00000000-0000-4000-8000-000000000000");
        ("machine", token.text())
    }),
    ("a client of nobody", NO_CLIENT, |_| {
        ("inspector", Signed::access_token("nobody").text())
    }),
    // What is no token that could be asked about.
    ("an ID token", NOT_OURS, |people| {
        ("app", people.tokens("openid").text("id_token"))
    }),
    ("a code", NOT_OURS, |people| {
        ("app", people.code("app", "", json!({})))
    }),
    ("a ticket", NOT_OURS, |people| {
        ("app", people.ask("app", "").ticket)
    }),
    ("a pushed request", NOT_OURS, |people| {
        let form = "response_type=code";
        (
            "app",
            people.post_as("app", "/par", form).text("request_uri"),
        )
    }),
    ("the client's own assertion", NOT_OURS, |_| {
        ("app", Signed::assertion("app").text())
    }),
    ("a proof", NOT_OURS, |people| ("app", people.proof("p1"))),
    // Good ones in the wrong hands.
    ("for another client", NOT_CONCERNED, |people| {
        ("other", access(people))
    }),
    ("of another resource", NOT_CONCERNED, |people| {
        people.register("next", |client| client.resources = vec!["urn:next".into()]);
        ("next", access(people))
    }),
    ("for the realm itself", NOT_CONCERNED, |people| {
        people.register("app", |_| ());
        ("api", access(people))
    }),
    ("for whom it was exchanged", NOT_CONCERNED, |people| {
        let token = access(people);
        ("app", people.exchange(&token).text("access_token"))
    }),
    (
        "another client's refresh token",
        "another client's grant",
        |people| ("other", refresh(people)),
    ),
    (
        "a refresh token at a resource",
        "another client's grant",
        |people| ("api", refresh(people)),
    ),
    // What was good.
    ("expired", EXPIRED, |people| {
        let token = access(people);
        people.later(300);
        ("app", token)
    }),
    ("revoked", REVOKED, |people| {
        let token = people.machine();
        assert_eq!(people.revoke("machine", &token).status(), 200);
        ("api", token)
    }),
    ("its client disabled", NO_CLIENT, |people| {
        let token = access(people);
        disable(people, "app");
        ("api", token)
    }),
    ("its client deleted", NO_CLIENT, |people| {
        let token = access(people);
        delete(people, "app");
        ("api", token)
    }),
    ("its refresh token revoked", NO_FAMILY, |people| {
        let tokens = people.tokens("openid");
        assert_eq!(
            people.revoke("app", &tokens.text("refresh_token")).status(),
            200
        );
        ("app", tokens.text("access_token"))
    }),
    ("its code replayed", NO_FAMILY, |people| {
        let code = people.code("app", "", json!({}));
        let token = people.redeem(&code, "").text("access_token");
        assert_eq!(people.redeem(&code, "").error(), invalid_grant());
        ("app", token)
    }),
    ("its refresh token replayed", NO_FAMILY, |people| {
        let first = refresh(people);
        let second = people.refresh(&first, "");
        people.later(10);
        assert_eq!(people.refresh(&first, "").error(), invalid_grant());
        ("app", second.text("access_token"))
    }),
    ("its person signed out", NO_FAMILY, |people| {
        let tokens = people.tokens("openid");
        let out = people.send(&Request {
            method: "GET",
            path: "/logout",
            query: &format!("id_token_hint={}", tokens.text("id_token")),
            ..Request::default()
        });
        assert_eq!(out.status(), 200);
        ("app", tokens.text("access_token"))
    }),
    ("before the realm's moment", VOID, |people| {
        let token = access(people);
        people.not_before(json!({ "version": 1, "realm": NOW + 1 }));
        ("app", token)
    }),
    ("before its client's moment", VOID, |people| {
        let token = access(people);
        people.not_before(json!({ "version": 1, "clients": { "app": NOW + 1 } }));
        ("api", token)
    }),
    ("before its subject's moment", VOID, |people| {
        let token = access(people);
        people.not_before(json!({ "version": 1, "subjects": { "1302": NOW + 1 } }));
        ("inspector", token)
    }),
    ("of a family before the moment", VOID_FAMILY, |people| {
        let first = refresh(people);
        people.later(100);
        let token = people.refresh(&first, "").text("access_token");
        people.not_before(json!({ "version": 1, "realm": NOW + 50 }));
        ("app", token)
    }),
    // Refresh tokens.
    ("a refresh token of no family", UNKNOWN, |people| {
        ("app", bent(&refresh(people), 3))
    }),
    ("with another seed", UNKNOWN, |people| {
        ("app", bent(&refresh(people), 30))
    }),
    ("of another generation", UNKNOWN, |people| {
        ("app", bent(&refresh(people), 66))
    }),
    ("with another proof", UNKNOWN, |people| {
        ("app", bent(&refresh(people), 90))
    }),
    (
        "used, and its time to be tried again over",
        OVER,
        |people| {
            let first = refresh(people);
            assert_eq!(people.refresh(&first, "").status(), 200);
            people.later(10);
            ("app", first)
        },
    ),
    ("used, and its successor too", OVER, |people| {
        let first = refresh(people);
        let second = people.refresh(&first, "").text("refresh_token");
        assert_eq!(people.refresh(&second, "").status(), 200);
        ("app", first)
    }),
    ("unused for too long", OVER, |people| {
        let token = refresh(people);
        people.later(30 * 60);
        ("app", token)
    }),
    (
        "unused for too long, its access token good",
        OVER,
        |people| {
            people.register("app", |client| {
                client.access_token_ttl = Some(Seconds(3600))
            });
            let token = refresh(people);
            people.later(30 * 60);
            ("app", token)
        },
    ),
    ("a revoked refresh token", UNKNOWN, |people| {
        let token = refresh(people);
        assert_eq!(people.revoke("app", &token).status(), 200);
        ("app", token)
    }),
    (
        "a refresh token of a disabled client",
        "client disabled",
        |people| {
            let token = refresh(people);
            disable(people, "app");
            ("inspector", token)
        },
    ),
    (
        "a refresh token of a deleted client",
        "client disabled",
        |people| {
            let token = refresh(people);
            delete(people, "app");
            ("inspector", token)
        },
    ),
    (
        "a refresh token before the realm's moment",
        BEFORE,
        |people| {
            let token = refresh(people);
            people.not_before(json!({ "version": 1, "realm": NOW + 1 }));
            ("app", token)
        },
    ),
    (
        "a refresh token before its client's moment",
        BEFORE,
        |people| {
            let token = refresh(people);
            people.not_before(json!({ "version": 1, "clients": { "app": NOW + 1 } }));
            ("app", token)
        },
    ),
    (
        "a refresh token before its subject's moment",
        BEFORE,
        |people| {
            let token = refresh(people);
            people.not_before(json!({ "version": 1, "subjects": { "1302": NOW + 1 } }));
            ("app", token)
        },
    ),
];

const BEFORE: &str = "its family began before a not-before moment";

#[test]
fn all_that_is_not_active_looks_the_same_and_the_log_says_why() {
    let people = realm("rfc9068", json!({}));
    // Without what bends it, it is active.
    let unbent = people.introspect("machine", &good().text());
    assert_eq!(unbent.json()["active"], true);
    let first = people.introspect("app", "x").response;
    assert_eq!(first.body, r#"{"active":false}"#);
    assert_eq!((first.status, first.headers.len()), (200, 4));
    for (name, reason, ask) in ROWS {
        let mut people = realm("rfc9068", json!({}));
        let (caller, token) = ask(&mut people);
        let answer = people.introspect(caller, &token);
        assert_eq!(answer.response, first, "{name}");
        assert_eq!(answer.reason(), *reason, "{name}");
        let log = answer.log();
        assert_eq!(
            (&log["outcome"], &log["status"], &log["level"]),
            (&json!("introspected"), &json!(200), &json!("info")),
            "{name}"
        );
        assert_eq!(log["client_id"], *caller, "{name}");
        // Short ones can stand in the line for other reasons.
        let is_told = token.len() > 8 && log.to_string().contains(&token);
        assert!(!is_told, "{name}: {log}");
    }
    assert!(ROWS.len() >= 30);
    println!("{} tokens that are not active", ROWS.len());
}

/// The other half of `configuration::a_token_of_one_realm_is_refused_by_a_verifier_of_another`, with
/// the same keys and clients in both.
#[test]
fn a_token_of_one_realm_is_not_active_in_another() {
    let members = |name: &str| {
        json!({
            "issuer": format!("https://auth.example/realms/{name}"),
            "login_url": "https://login.example/", "login_clients": ["login"],
            "introspection_clients": ["inspector"],
        })
    };
    let mut people = realm("rfc9068", json!({}));
    let realms = json!({ "default": members("default"), "other": members("other") });
    people.fixture.service = Fixture::configured(realms, &secrets()).service;
    for id in ["app", "api", "inspector"] {
        people.fixture.register_in("other", id, |client| {
            client.resources = vec![API.to_owned(), ISSUER.to_owned()];
        });
    }
    let tokens = people.tokens("openid");
    for token in ["access_token", "refresh_token"].map(|member| tokens.text(member)) {
        assert!(people.is_active(&token));
        let own = people.place;
        people.place = |path| format!("/realms/other{path}");
        for caller in ["app", "api", "inspector"] {
            assert_eq!(
                people.introspect(caller, &token).json(),
                inactive(),
                "{caller}"
            );
        }
        // Nor can it be revoked there.
        assert_eq!(people.revoke("app", &token).status(), 200);
        people.place = own;
        assert!(people.is_active(&token));
    }
}
