//! No cached record refuses: what a client's record allows by now is allowed at once, by an isolate
//! too that has an older one, whatever the member, in the caller's record and in others.

use edge_token::auth_method::AuthMethod;

use super::super::people::{CALLBACK, PKCE, People, encoded};
use super::super::signed::*;
use super::super::trusted_issuers::{ACCESS_TOKEN, EXCHANGE, JWT_BEARER, by_idp, issuers, subject};
use super::super::*;

const API: &str = "urn:api";
const OTHER: &str = "https://other.example/cb";
const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

/// A realm with everything. `app` is `client` when it has all that the cases ask for.
fn realm() -> People {
    let people = People::with(json!({
        "trusted_issuers": issuers(),
        "registration": {
            "grant_types": ["client_credentials"], "auth_methods": ["client_secret_basic"],
            "scopes": "read",
        },
    }));
    people.register("app", all);
    people.register("front", registrar);
    people
}

/// `front` gets tokens for itself, by which it may register others.
fn registrar(client: &mut Client) {
    client.grant_types = vec!["client_credentials".into()];
    client.scope = ScopeSet::parse("read write client_registration").unwrap();
}

fn all(client: &mut Client) {
    client.grant_types = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        EXCHANGE,
        JWT_BEARER,
    ]
    .map(str::to_owned)
    .to_vec();
    client.scope = ScopeSet::parse("openid profile read write client_registration").unwrap();
    client.audience = vec![ISSUER.into(), API.into()];
    client.resources = vec![API.into()];
    client.exchange_audience = vec!["urn:backend".into()];
    client.trusted_issuers = vec!["idp".into()];
    client.may_impersonate = true;
    client.hidden_scope = ScopeSet::parse("lakehouse").unwrap();
}

/// What is sent, each time so that it is good once more.
type Ask = fn(&People, usize) -> Answer;

/// One member of the kind: the client whose record lacks something, what it lacks, and the request.
struct Case {
    name: &'static str,
    client: &'static str,
    narrow: fn(&mut Client),
    ask: Ask,
}

impl Case {
    /// Stores the record that lacks it, or the one that has it all.
    fn store(&self, people: &People, is_narrow: bool) {
        people.register(self.client, |client| {
            match self.client {
                "front" => registrar(client),
                _ => all(client),
            }
            if is_narrow {
                (self.narrow)(client);
            }
        });
    }
}

fn post_as(people: &People, path: &str, form: &str) -> Answer {
    people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post(path, form)
    })
}

fn token(people: &People, form: &str) -> Answer {
    post_as(people, "/token", form)
}

fn credentials(people: &People, more: &str) -> Answer {
    token(people, &format!("{CLIENT_CREDENTIALS}{more}"))
}

/// A token that `front` got for somebody else to exchange, who is named in it.
fn of_front() -> Signed {
    Signed::access_token("front")
        .claim("aud", API)
        .claim("scope", "read write")
}

fn exchange(people: &People, more: &str) -> Answer {
    exchange_one(people, &of_front(), more)
}

fn exchange_one(people: &People, signed: &Signed, more: &str) -> Answer {
    let subject = subject(&signed.text(), ACCESS_TOKEN);
    token(people, &format!("grant_type={EXCHANGE}{subject}{more}"))
}

fn introspect(people: &People, token: &Signed) -> Answer {
    post_as(people, "/introspect", &format!("token={}", token.text()))
}

fn authorize(people: &People, more: &str) -> Answer {
    people.authorize(&format!("response_type=code&client_id=app{more}"))
}

const CASES: &[Case] = &[
    Case {
        name: "scope",
        client: "app",
        narrow: |client| client.scope = ScopeSet::parse("read").unwrap(),
        ask: |people, _| credentials(people, "&scope=write"),
    },
    Case {
        name: "hidden scope",
        client: "app",
        narrow: |client| client.hidden_scope = ScopeSet::default(),
        ask: |people, _| credentials(people, "&scope=lakehouse"),
    },
    Case {
        name: "audience, by audience",
        client: "app",
        narrow: |client| client.audience.truncate(1),
        ask: |people, _| credentials(people, "&audience=urn:api"),
    },
    Case {
        name: "audience, by resource",
        client: "app",
        narrow: |client| client.audience.clear(),
        ask: |people, _| credentials(people, "&resource=urn:api"),
    },
    Case {
        name: "grant types",
        client: "app",
        narrow: |client| {
            client
                .grant_types
                .retain(|name| name != "client_credentials")
        },
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "disabled",
        client: "app",
        narrow: |client| client.disabled = true,
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "a secret",
        client: "app",
        narrow: |client| client.secrets = vec![stored_secret("s0", "old")],
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "the authentication method",
        client: "app",
        narrow: |client| client.token_endpoint_auth_method = AuthMethod::ClientSecretPost,
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "a lifetime longer than any key signs",
        client: "app",
        narrow: |client| client.access_token_ttl = Some(edge_token::time::Seconds(2_000_000)),
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "a certificate demanded",
        client: "app",
        narrow: |client| client.tls_client_certificate_bound_access_tokens = true,
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "a proof demanded",
        client: "app",
        narrow: |client| client.dpop_bound_access_tokens = true,
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "exchange: the grant",
        client: "app",
        narrow: |client| client.grant_types.truncate(3),
        ask: |people, _| exchange(people, "&audience=urn:api"),
    },
    Case {
        name: "exchange: resources",
        client: "app",
        narrow: |client| client.resources.clear(),
        ask: |people, _| exchange(people, "&audience=urn:api"),
    },
    Case {
        name: "exchange: scope",
        client: "app",
        narrow: |client| client.scope = ScopeSet::parse("read").unwrap(),
        ask: |people, _| exchange(people, "&audience=urn:api&scope=write"),
    },
    Case {
        name: "exchange: audience",
        client: "app",
        narrow: |client| client.exchange_audience.clear(),
        ask: |people, _| exchange(people, "&audience=urn:backend"),
    },
    Case {
        name: "exchange: may_impersonate, at the end of a long chain",
        client: "app",
        narrow: |client| client.may_impersonate = false,
        ask: |people, _| {
            let act = (0..8).fold(Value::Null, |act, at| match act {
                Value::Null => json!({ "sub": format!("a{at}") }),
                act => json!({ "sub": format!("a{at}"), "act": act }),
            });
            exchange_one(people, &of_front().claim("act", act), "&audience=urn:api")
        },
    },
    Case {
        name: "exchange: whom may_act names",
        client: "app",
        narrow: |client| client.subject = Some("other".into()),
        ask: |people, _| {
            let named = of_front().claim("may_act", json!({ "sub": "app" }));
            exchange_one(people, &named, "&audience=urn:api")
        },
    },
    Case {
        name: "exchange: the token's client is disabled",
        client: "front",
        narrow: |client| client.disabled = true,
        ask: |people, _| exchange(people, "&audience=urn:api"),
    },
    Case {
        name: "exchange: trusted issuers",
        client: "app",
        narrow: |client| client.trusted_issuers.clear(),
        ask: |people, _| {
            let jwt = "urn:ietf:params:oauth:token-type:jwt";
            let subject = subject(&by_idp().text(), jwt);
            token(people, &format!("grant_type={EXCHANGE}{subject}"))
        },
    },
    Case {
        name: "JWT bearer: trusted issuers",
        client: "app",
        narrow: |client| client.trusted_issuers.clear(),
        ask: |people, at| {
            let assertion = by_idp().claim("jti", format!("j{at}")).text();
            token(
                people,
                &format!("grant_type={JWT_BEARER}&assertion={assertion}"),
            )
        },
    },
    Case {
        name: "JWT bearer: scope",
        client: "app",
        narrow: |client| client.scope = ScopeSet::parse("read").unwrap(),
        ask: |people, at| {
            // The same assertion until it is taken: a refusal has not used it.
            let assertion = by_idp().claim("jti", format!("s{}", at.max(2))).text();
            let form = format!("grant_type={JWT_BEARER}&assertion={assertion}&scope=write");
            token(people, &form)
        },
    },
    Case {
        name: "introspection: resources",
        client: "app",
        narrow: |client| client.resources.clear(),
        ask: |people, _| introspect(people, &of_front()),
    },
    Case {
        name: "introspection: the token's client is disabled",
        client: "front",
        narrow: |client| client.disabled = true,
        ask: |people, _| introspect(people, &of_front()),
    },
    Case {
        name: "introspection: a client that can keep a secret",
        client: "app",
        narrow: |client| client.token_endpoint_auth_method = AuthMethod::None,
        ask: |people, _| introspect(people, &of_front()),
    },
    Case {
        name: "registration: the scope of who registers",
        client: "front",
        narrow: |client| client.scope = ScopeSet::parse("read").unwrap(),
        ask: |people, _| register(people),
    },
    Case {
        name: "registration: the grant of who registers",
        client: "front",
        narrow: |client| client.grant_types.clear(),
        ask: |people, _| register(people),
    },
    Case {
        name: "registration: who registers is disabled",
        client: "front",
        narrow: |client| client.disabled = true,
        ask: |people, _| register(people),
    },
    Case {
        name: "registration: whose token it is",
        client: "front",
        narrow: |client| client.subject = Some("other".into()),
        ask: |people, _| register(people),
    },
    Case {
        name: "pushed request: redirect URIs",
        client: "app",
        narrow: |client| client.redirect_uris = vec![OTHER.into()],
        ask: |people, _| push(people, ""),
    },
    Case {
        name: "pushed request: scope",
        client: "app",
        narrow: |client| client.scope = ScopeSet::parse("openid").unwrap(),
        ask: |people, _| push(people, "&scope=openid+profile"),
    },
    Case {
        name: "pushed request: audience",
        client: "app",
        narrow: |client| client.audience.clear(),
        ask: |people, _| push(people, "&resource=urn:api"),
    },
    Case {
        name: "authorization: redirect URIs",
        client: "app",
        narrow: |client| client.redirect_uris = vec![OTHER.into()],
        ask: |people, _| authorize(people, &format!("&redirect_uri={}", encoded(CALLBACK))),
    },
    Case {
        name: "authorization: a single redirect URI",
        client: "app",
        narrow: |client| client.redirect_uris.push(OTHER.into()),
        ask: |people, _| authorize(people, ""),
    },
    Case {
        name: "authorization: scope",
        client: "app",
        narrow: |client| client.scope = ScopeSet::parse("openid").unwrap(),
        ask: |people, _| authorize(people, "&scope=profile"),
    },
    Case {
        name: "authorization: audience",
        client: "app",
        narrow: |client| client.audience.clear(),
        ask: |people, _| authorize(people, "&resource=urn:api"),
    },
    Case {
        name: "authorization: the grant",
        client: "app",
        narrow: |client| {
            client
                .grant_types
                .retain(|name| name != "authorization_code")
        },
        ask: |people, _| authorize(people, ""),
    },
    Case {
        name: "authorization: PKCE of a client that was public",
        client: "app",
        narrow: |client| client.token_endpoint_auth_method = AuthMethod::None,
        ask: |people, _| authorize(people, ""),
    },
    Case {
        name: "authorization: PKCE demanded",
        client: "app",
        narrow: |client| client.require_pkce = true,
        ask: |people, _| authorize(people, ""),
    },
    Case {
        name: "authorization: pushed requests demanded",
        client: "app",
        narrow: |client| client.require_pushed_authorization_requests = true,
        ask: |people, _| authorize(people, ""),
    },
    Case {
        name: "any bound token demanded",
        client: "app",
        narrow: |client| client.require_bound_tokens = true,
        ask: |people, _| credentials(people, ""),
    },
    Case {
        name: "authorization: disabled",
        client: "app",
        narrow: |client| client.disabled = true,
        ask: |people, _| authorize(people, ""),
    },
];

fn register(people: &People) -> Answer {
    let token = Signed::access_token("front").claim("scope", "client_registration");
    people.send(&Request {
        authorization: Some(&format!("Bearer {}", token.text())),
        content_type: Some("application/json"),
        ..post("/register", r#"{"grant_types":["client_credentials"]}"#)
    })
}

fn push(people: &People, more: &str) -> Answer {
    let uri = encoded(CALLBACK);
    post_as(
        people,
        "/par",
        &format!("response_type=code&redirect_uri={uri}{PKCE}{more}"),
    )
}

fn is_refusal(answer: &Answer) -> bool {
    answer.status() >= 400
        || answer.location("error").is_some()
        || answer.response.body == r#"{"active":false}"#
}

/// What a record has by now is allowed at once, although the isolate has just refused it.
#[test]
fn what_a_record_has_by_now_is_allowed_at_once() {
    for case in CASES {
        let people = realm();
        case.store(&people, true);
        people.fixture.store.remember();
        for at in 0..2 {
            let answer = (case.ask)(&people, at);
            assert!(is_refusal(&answer), "{}: {}", case.name, answer.sent());
        }
        case.store(&people, false);
        let answer = (case.ask)(&people, 2);
        let log = answer.log.as_ref().map(|_| answer.reason());
        assert!(
            !is_refusal(&answer),
            "{}: {} {log:?}",
            case.name,
            answer.sent()
        );
        // And then without another read.
        let reads = people.fixture.store.reads();
        assert!(!is_refusal(&(case.ask)(&people, 3)), "{}", case.name);
        assert_eq!(people.fixture.store.reads(), reads, "{}", case.name);
    }
}

/// One member of the kind where a person has signed in before: what is left over of that comes first.
struct After {
    name: &'static str,
    narrow: fn(&mut Client),
    prepare: fn(&People) -> String,
    ask: fn(&People, &str) -> Answer,
}

const AFTER: &[After] = &[
    After {
        name: "code: audience",
        narrow: |client| client.audience.truncate(1),
        prepare: |people| people.code("app", "", json!({})),
        ask: |people, code| people.redeem(code, "&resource=urn:api"),
    },
    After {
        name: "code: the audience that was asked for before",
        narrow: |client| client.audience.truncate(1),
        prepare: |people| people.code("app", "&resource=urn:api", json!({})),
        ask: |people, code| people.redeem(code, ""),
    },
    After {
        name: "code: the grant",
        narrow: |client| client.grant_types.clear(),
        prepare: |people| people.code("app", "", json!({})),
        ask: |people, code| people.redeem(code, ""),
    },
    After {
        name: "refresh: audience",
        narrow: |client| client.audience.truncate(1),
        prepare: |people| tokens(people, "").text("refresh_token"),
        ask: |people, refresh| people.refresh(refresh, "&audience=urn:api"),
    },
    After {
        name: "refresh: the audience that was asked for before",
        narrow: |client| client.audience.truncate(1),
        prepare: |people| tokens(people, "&resource=urn:api").text("refresh_token"),
        ask: |people, refresh| people.refresh(refresh, ""),
    },
    After {
        name: "refresh: the grant",
        narrow: |client| client.grant_types.clear(),
        prepare: |people| tokens(people, "").text("refresh_token"),
        ask: |people, refresh| people.refresh(refresh, ""),
    },
    After {
        name: "refresh: hidden scope",
        narrow: |client| client.hidden_scope = ScopeSet::default(),
        prepare: |people| tokens(people, "").text("refresh_token"),
        ask: |people, refresh| people.refresh(refresh, "&scope=openid+lakehouse"),
    },
    After {
        name: "userinfo: disabled",
        narrow: |client| client.disabled = true,
        prepare: |people| tokens(people, "").text("access_token"),
        ask: People::userinfo,
    },
    After {
        name: "end session: where browsers go",
        narrow: |client| client.post_logout_redirect_uris.clear(),
        prepare: |people| tokens(people, "").text("id_token"),
        ask: |people, hint| {
            let uri = encoded("https://app.example/bye");
            people.send(&Request {
                method: "GET",
                path: "/logout",
                query: &format!("id_token_hint={hint}&post_logout_redirect_uri={uri}"),
                ..Request::default()
            })
        },
    },
    After {
        name: "introspection of a refresh token: its client is disabled",
        narrow: |client| client.disabled = true,
        prepare: |people| tokens(people, "").text("refresh_token"),
        ask: |people, refresh| {
            people.send(&Request {
                authorization: Some(&basic("inspector", SECRET)),
                ..post("/introspect", &format!("token={refresh}"))
            })
        },
    },
    After {
        name: "a pushed request: disabled",
        narrow: |client| client.disabled = true,
        prepare: |people| push(people, "").text("request_uri"),
        ask: |people, uri| people.authorize(&format!("client_id=app&request_uri={}", encoded(uri))),
    },
];

/// The tokens of a person who signed in.
fn tokens(people: &People, more: &str) -> Answer {
    let code = people.code("app", &format!("&scope=openid+profile{more}"), json!({}));
    people.redeem(&code, "")
}

/// Neither the code nor the refresh token nor the pushed request is used up by the run that the
/// cached record would have refused.
#[test]
fn what_a_person_consented_to_goes_on_at_once() {
    for case in AFTER {
        let people = People::with(json!({ "introspection_clients": ["inspector"] }));
        people.register("inspector", |client| client.grant_types.clear());
        people.register("app", all);
        let had = (case.prepare)(&people);
        people.register("app", |client| {
            all(client);
            (case.narrow)(client);
        });
        people.fixture.store.remember();
        for _ in 0..2 {
            let answer = (case.ask)(&people, &had);
            assert!(is_refusal(&answer), "{}: {}", case.name, answer.sent());
        }
        people.register("app", all);
        let answer = (case.ask)(&people, &had);
        assert!(!is_refusal(&answer), "{}: {}", case.name, answer.sent());
    }
}

/// `app` signs who it is, and shows a key: both are good once, and the request that is decided
/// again is still the same request.
#[test]
fn what_is_good_once_is_used_once_by_a_request_that_is_decided_twice() {
    let people = realm();
    let narrow = |client: &mut Client| {
        by_assertion(client, jwks(&[CLIENT_KEY]));
        client.grant_types = vec!["client_credentials".into()];
        client.scope = ScopeSet::parse("read").unwrap();
    };
    people.register("app", narrow);
    let store = &people.fixture.store;
    store.remember();
    let nonce = people.send(&Request {
        dpop: Some("x"),
        ..post("/token", "")
    });
    let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
    let send = |jti: &str, scope: &str| {
        let assertion = Signed::assertion("app").claim("jti", jti);
        let url = "https://auth.example/realms/default/token";
        let proof = Signed::proof(url, &nonce).claim("jti", jti).text();
        let form = format!(
            "{CLIENT_CREDENTIALS}{}&scope={scope}",
            presented(&assertion.text())
        );
        people.send(&Request {
            dpop: Some(&proof),
            ..post("/token", &form)
        })
    };
    assert_eq!(send("a", "read").status(), 200);
    assert_eq!(store.acts(), 2);
    people.register("app", |client| {
        narrow(client);
        client.scope = ScopeSet::parse("read write").unwrap();
    });
    let answer = send("b", "write");
    assert_eq!(answer.claims()["scope"], "write");
    assert_eq!(answer.claims()["cnf"]["jkt"], kid(CLIENT_KEY));
    assert_eq!(store.acts(), 4);
    assert_eq!(send("b", "write").error(), (401, "invalid_client".into()));
}

/// What is taken from a record, and why that refuses the client.
type Taken = (fn(&mut Client), &'static str);

/// The newer record decides all of it: who it lets in no more gets nothing by it.
#[test]
fn the_newer_record_must_let_the_client_in_too() {
    let takes_away: [Taken; 4] = [
        (|client| client.disabled = true, "client disabled"),
        (
            |client| client.secrets = vec![stored_secret("s2", "other")],
            "wrong secret",
        ),
        (
            |client| client.secrets[0].expires_at = Some(UnixTime::from_seconds(NOW)),
            "secret expired at 1800000000, now 1800000000",
        ),
        (
            |client| client.token_endpoint_auth_method = AuthMethod::ClientSecretPost,
            "not the registered authentication method",
        ),
    ];
    for (take_away, reason) in takes_away {
        let fixture = Fixture::new();
        fixture.store.remember();
        assert_eq!(fixture.token("").status(), 200);
        fixture.register("app", |client| {
            client.scope = ScopeSet::parse("read write admin").unwrap();
            take_away(client);
        });
        let answer = fixture.token("&scope=admin");
        assert_eq!(answer.error(), (401, "invalid_client".into()));
        assert_eq!(answer.reason(), reason);
        // Nothing that the first decision found out is in the line.
        assert_eq!(answer.log().get("secret_id"), None);
    }
    let fixture = Fixture::new();
    fixture.store.remember();
    assert_eq!(fixture.token("").status(), 200);
    fixture.store.remove_at("client/default/app");
    assert_eq!(fixture.token("&scope=admin").reason(), "unknown client");
}

#[test]
fn a_request_that_is_decided_twice_is_counted_once() {
    let fixture = Fixture::new();
    fixture.store.remember();
    fixture.store.limit(edge_token::store::Limiter::Rate, Ok(2));
    assert_eq!(fixture.token("&scope=admin").status(), 400);
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("admin").unwrap();
    });
    assert_eq!(fixture.token("&scope=admin").status(), 200);
    assert_eq!(fixture.token("&scope=admin").status(), 429);
}

/// A version in seconds is none: what is written twice within one is told by what is in it.
#[test]
fn records_that_are_written_within_one_second_are_told_apart() {
    let fixture = Fixture::new();
    fixture.store.remember();
    assert_eq!(fixture.token("").status(), 200);
    for (at, secret) in ["second", "third", "fourth"].into_iter().enumerate() {
        fixture.register("app", |client| {
            client.secrets = vec![stored_secret("s1", secret)];
        });
        let answer = fixture.token_as(&basic("app", secret), CLIENT_CREDENTIALS);
        assert_eq!(answer.status(), 200, "{at}: {}", answer.reason());
    }
    for scope in ["a", "b", "c"] {
        fixture.register("app", |client| {
            client.secrets = vec![stored_secret("s1", "fourth")];
            client.scope = ScopeSet::parse(scope).unwrap();
        });
        let form = format!("{CLIENT_CREDENTIALS}&scope={scope}");
        let answer = fixture.token_as(&basic("app", "fourth"), &form);
        assert_eq!(answer.status(), 200, "{scope}: {}", answer.reason());
    }
}

/// Refusals are for anybody to have, who asks for too much or in a client's name: they are no lever
/// to have storage read as often.
#[test]
fn refusals_read_ten_times_at_once_and_then_once_a_second() {
    let by_client: fn(&People) -> Answer = |people| credentials(people, "&scope=admin");
    let in_its_name: fn(&People) -> Answer = |people| authorize(people, "&redirect_uri=x:y");
    let by_another: fn(&People) -> Answer = |people| {
        let token = Signed::access_token("app").claim("aud", "urn:other");
        people.send(&Request {
            authorization: Some(&basic("api", SECRET)),
            ..post("/introspect", &format!("token={}", token.text()))
        })
    };
    for (name, ask, key, a_second) in [
        ("by the client", by_client, "client/default/app", 200),
        ("in its name", in_its_name, "client/default/app", 30),
        ("by another", by_another, "client/default/api", 30),
    ] {
        let mut people = realm();
        people.register("api", |client| client.resources = vec!["urn:api".into()]);
        people.fixture.store.remember();
        let reads = |people: &People| people.fixture.store.reads_at(key);
        for second in 0..5 {
            let before = reads(&people);
            for _ in 0..a_second {
                let before = reads(&people);
                assert!(is_refusal(&ask(&people)), "{name}");
                assert!(reads(&people) - before <= 1, "{name}");
            }
            // The first of all finds no cached record.
            let expected = if second == 0 { 11 } else { 1 };
            assert_eq!(reads(&people) - before, expected, "{name}, {second}");
            people.later(1);
        }
        // What is left is saved up again, and no more than that.
        people.later(20);
        let before = reads(&people);
        for _ in 0..a_second {
            ask(&people);
        }
        assert_eq!(reads(&people) - before, 10, "{name}");
    }
}

/// When its reads are used up, what another request has read meanwhile counts.
#[test]
fn what_is_used_up_delays_by_a_second() {
    let mut people = realm();
    people.fixture.store.remember();
    for _ in 0..50 {
        assert!(is_refusal(&credentials(&people, "&scope=admin")));
    }
    people.register("app", |client| {
        all(client);
        client.scope = ScopeSet::parse("admin").unwrap();
    });
    assert!(is_refusal(&credentials(&people, "&scope=admin")));
    people.later(1);
    assert_eq!(credentials(&people, "&scope=admin").status(), 200);
    assert_eq!(credentials(&people, "&scope=admin").status(), 200);
}

/// A failed authentication reads once, whoever's it is and however many there were: else time would
/// tell which ids exist.
#[test]
fn failed_authentications_read_as_often_as_unknown_ids() {
    let fixture = Fixture::new();
    fixture.store.remember();
    assert_eq!(fixture.token("").status(), 200);
    for id in ["app", "unknown"] {
        for _ in 0..30 {
            let before = fixture.store.reads();
            let answer = fixture.token_as(&basic(id, "wrong"), CLIENT_CREDENTIALS);
            assert_eq!(answer.error(), (401, "invalid_client".into()));
            assert_eq!(fixture.store.reads() - before, 1, "{id}");
        }
    }
    // Nor do they use up what other refusals may read.
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("admin").unwrap()
    });
    assert_eq!(fixture.token("&scope=admin").status(), 200);
}

/// What is not known is not refused: storage that fails then is a 503.
#[test]
fn without_storage_a_cached_record_refuses_nothing() {
    let fixture = Fixture::new();
    fixture.store.remember();
    assert_eq!(fixture.token("").status(), 200);
    let failure = StoreError::Timeout;
    fixture.put(&ClientId::parse("app").unwrap(), Err(failure));
    assert_eq!(fixture.token("").status(), 200);
    assert_eq!(fixture.token("&scope=admin").status(), 503);
}

/// A refusal that no record decides reads nothing.
#[test]
fn what_no_record_decides_reads_nothing() {
    let people = realm();
    people.fixture.store.remember();
    assert_eq!(credentials(&people, "").status(), 200);
    let reads = people.fixture.store.reads();
    for form in [
        "grant_type=x",
        "grant_type=client_credentials&scope=%20",
        "grant_type=authorization_code",
        "grant_type=authorization_code&code=x",
        "grant_type=refresh_token&refresh_token=x",
    ] {
        assert!(is_refusal(&token(&people, form)), "{form}");
    }
    assert!(is_refusal(&authorize(&people, "&request=x")));
    let expired = of_front().claim("exp", NOW - 1);
    assert!(is_refusal(&introspect(&people, &expired)));
    assert_eq!(people.fixture.store.reads(), reads);
}
