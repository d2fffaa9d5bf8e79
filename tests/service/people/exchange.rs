//! RFC 8693 with the tokens of people: what goes on with them, and what ends with them.

use super::super::signed::*;
use super::super::trusted_issuers::{ACCESS_TOKEN, EXCHANGE, actor, names, subject};
use super::*;

const API: &str = "https://api.example";

/// Who signed in.
fn ada() -> Value {
    json!({
        "auth_time": NOW - 5, "acr": "2",
        "claims": {
            "email": "ada@example.com", "email_verified": true, "name": "Ada L.",
            "preferred_username": "ada", "given_name": "Ada", "family_name": "L.",
            "user_type": "admin", "roles": "user", "scopes": ["user"], "userID": 1302,
            "userRegion": "SG", "address": {},
        },
    })
}

/// What ends the family of those tokens.
type End = fn(&Served, &Answer);

/// A realm whose client `app` has people's tokens, which it sends to `api`.
struct Served {
    people: People,
}

impl Served {
    fn new(more: Value, place: fn(&str) -> String) -> Self {
        let mut people = People::with(more);
        people.place = place;
        people.register("app", |client| client.audience = vec![API.into()]);
        people.register("api", |client| {
            client.grant_types = vec![EXCHANGE.into(), "refresh_token".into()];
            client.scope = ScopeSet::parse("openid profile email offline_access read").unwrap();
            client.audience = vec![API.into()];
            client.resources = vec![API.into()];
        });
        Self { people }
    }

    fn rfc9068() -> Self {
        Self::new(json!({}), |path| format!("/realms/default{path}"))
    }

    fn sign_in(&self, scope: &str) -> Answer {
        let code = self.people.code("app", &format!("&scope={scope}"), ada());
        self.people.redeem(&code, "")
    }

    fn exchange(&self, token: &str, more: &str) -> Answer {
        let form = subject(token, ACCESS_TOKEN);
        self.people
            .token("api", &format!("grant_type={EXCHANGE}{form}{more}"))
    }

    /// What a client is told of a token.
    fn introspect(&self, id: &str, token: &str) -> Value {
        let answer = self.people.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/introspect", &format!("token={token}"))
        });
        assert_eq!(answer.status(), 200, "{}", answer.reason());
        answer.json()
    }

    fn is_active(&self, token: &str) -> bool {
        self.introspect("api", token)["active"] == json!(true)
    }
}

#[test]
fn a_persons_token_gets_one_of_theirs_and_nothing_to_go_on_with() {
    let served = Served::rfc9068();
    let tokens = served.sign_in("openid+profile+email+offline_access+read");
    let sent = tokens.claims();
    let answer = served.exchange(&tokens.text("access_token"), "");
    let claims = answer.claims();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "1302", "aud": API, "client_id": "api",
            "scope": "openid profile email offline_access read", "act": { "sub": "api" },
            "auth_time": NOW - 5, "acr": "2", "sid": sent["sid"], "jti": claims["jti"], "iat": NOW,
            "exp": NOW + 300, "exchanged_from": { "client_id": "app", "iat": NOW },
        })
    );
    // With `openid` and `offline_access`, which gave both before.
    assert_eq!(
        names(&answer.json()),
        [
            "access_token",
            "expires_in",
            "issued_token_type",
            "scope",
            "token_type"
        ]
    );
    let log = answer.log();
    assert_eq!(
        (&log["sub"], &log["family"]),
        (&json!("1302"), &sent["sid"])
    );
    assert_eq!(served.people.fixture.store.families(), 1);
    // The person's own claims are there for who has the scope.
    let userinfo = served.people.userinfo(&answer.text("access_token"));
    assert_eq!(userinfo.json()["name"], "Ada L.", "{}", userinfo.reason());
}

#[test]
fn an_exchanged_token_ends_with_the_family_that_it_came_from() {
    let ends: [(&str, End); 5] = [
        ("sign-out", |served, tokens| {
            let query = format!("id_token_hint={}", tokens.text("id_token"));
            let answer = served.people.send(&Request {
                method: "GET",
                path: "/logout",
                query: &query,
                ..Request::default()
            });
            assert_eq!(answer.status(), 200);
        }),
        ("its refresh token revoked", |served, tokens| {
            let form = format!("token={}", tokens.text("refresh_token"));
            let answer = served.people.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                ..post("/revoke", &form)
            });
            assert_eq!(answer.status(), 200);
        }),
        ("its client disabled", |served, _| {
            let people = &served.people;
            people.register("app", |client| client.disabled = true);
        }),
        ("its client's not-before moment", |served, _| {
            moments(served, json!({ "clients": { "app": NOW + 1 } }));
        }),
        ("its person's not-before moment", |served, _| {
            moments(served, json!({ "subjects": { "1302": NOW + 1 } }));
        }),
    ];
    for (name, end) in ends {
        let served = Served::rfc9068();
        let tokens = served.sign_in("openid+read");
        let first = served.exchange(&tokens.text("access_token"), "");
        let first = first.text("access_token");
        let second = served.exchange(&first, "").text("access_token");
        for token in [&first, &second] {
            assert!(served.is_active(token), "{name}");
        }
        end(&served, &tokens);
        for token in [&first, &second] {
            let told = served.introspect("api", token);
            assert_eq!(told, json!({ "active": false }), "{name}");
            assert_eq!(
                served.exchange(token, "").error().1,
                "invalid_request",
                "{name}"
            );
            assert_eq!(served.people.userinfo(token).status(), 401, "{name}");
        }
    }
}

fn moments(served: &Served, more: Value) {
    let mut record = json!({ "version": 1 });
    record
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let store = &served.people.fixture.store;
    store.put_at("not-before/default".into(), Ok(record.to_string()));
}

/// The moment of the client that a family belongs to ends also what another client got by it.
#[test]
fn a_later_exchange_does_not_save_what_began_before_a_moment() {
    let mut served = Served::rfc9068();
    let tokens = served.sign_in("read").text("access_token");
    served.people.later(10);
    let exchanged = served.exchange(&tokens, "").text("access_token");
    moments(&served, json!({ "clients": { "app": NOW + 5 } }));
    assert!(!served.is_active(&exchanged));
    moments(&served, json!({ "clients": { "api": NOW + 5 } }));
    assert!(served.is_active(&exchanged));
}

#[test]
fn revoking_the_subjects_token_ends_what_comes_after_and_not_what_came_before() {
    let served = Served::rfc9068();
    let sent = served.sign_in("read").text("access_token");
    let exchanged = served.exchange(&sent, "").text("access_token");
    let answer = served.people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/revoke", &format!("token={sent}"))
    });
    assert_eq!(answer.status(), 200);
    let refused = served.exchange(&sent, "");
    assert_eq!(refused.error(), (400, "invalid_request".into()));
    assert_eq!(refused.reason(), "subject_token: revoked");
    assert!(served.is_active(&exchanged));
    // And `app` does not revoke what is `api`'s.
    let answer = served.people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/revoke", &format!("token={exchanged}"))
    });
    assert_eq!(answer.error(), (400, "invalid_grant".into()));
}

#[test]
fn no_other_token_of_a_person_is_exchanged() {
    let served = Served::rfc9068();
    let tokens = served.sign_in("openid+read");
    for name in ["id_token", "refresh_token"] {
        let answer = served.exchange(&tokens.text(name), "");
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
        assert_eq!(
            answer.reason(),
            "subject_token: not one of this realm",
            "{name}"
        );
        let as_actor = actor(&tokens.text(name), ACCESS_TOKEN);
        let answer = served.exchange(&tokens.text("access_token"), &as_actor);
        assert_eq!(
            answer.reason(),
            "actor_token: not one of this realm",
            "{name}"
        );
        // Nor by the name of what it is.
        let form = subject(
            &tokens.text(name),
            &ACCESS_TOKEN.replace("access_token", name),
        );
        let answer = served
            .people
            .token("api", &format!("grant_type={EXCHANGE}{form}"));
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
    }
    // They are as good as before.
    let refreshed = served.people.refresh(&tokens.text("refresh_token"), "");
    assert_eq!(refreshed.status(), 200);
}

#[test]
fn keycloak_repeats_of_the_person_what_the_scope_releases() {
    let served = Served::new(json!({ "dialect": "keycloak" }), |path| {
        let path = match path.strip_prefix("/authorize") {
            Some(rest) => format!("/auth{rest}"),
            None => path.to_owned(),
        };
        format!("/realms/default/protocol/openid-connect{path}")
    });
    let tokens = served.sign_in("openid+profile+email");
    let token = tokens.text("access_token");
    let all = served.exchange(&token, "");
    let claims = all.claims();
    for (claim, value) in [
        ("email", json!("ada@example.com")),
        ("email_verified", json!(true)),
        ("name", json!("Ada L.")),
        ("preferred_username", json!("ada")),
        ("given_name", json!("Ada")),
        ("family_name", json!("L.")),
        ("acr", json!("2")),
        ("auth_time", json!(NOW - 5)),
        ("azp", json!("api")),
        ("sub", json!("1302")),
        ("sid", tokens.claims()["sid"].clone()),
        ("session_state", tokens.claims()["sid"].clone()),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    for service in [
        "clientHost",
        "clientId",
        "clientAddress",
        "client_id",
        "user_type",
        "roles",
    ] {
        assert_eq!(claims.get(service), None, "{service}");
    }
    assert_eq!(all.json().get("id_token"), None);
    // Less scope, less of them; and what was left out does not come back.
    let narrow = served.exchange(&token, "&scope=openid+email");
    let email = ["email", "email_verified"];
    let profile = ["name", "preferred_username", "given_name", "family_name"];
    let has = |answer: &Answer, claim: &str| answer.claims().get(claim).is_some();
    assert!(email.iter().all(|claim| has(&narrow, claim)));
    assert!(!profile.iter().any(|claim| has(&narrow, claim)));
    let again = served.exchange(&narrow.text("access_token"), "&scope=openid");
    assert!(!email.iter().chain(&profile).any(|claim| has(&again, claim)));
    assert_eq!(again.claims()["sid"], claims["sid"]);
}

#[test]
fn light_oauth2_and_screening_eagle_repeat_what_their_documents_have() {
    let light: fn(&str) -> String = |path| match path {
        "/token" => "/oauth2/token".to_owned(),
        path => match path.strip_prefix("/authorize") {
            Some(rest) => format!("/oauth2/code{rest}"),
            None => format!("/realms/default{path}"),
        },
    };
    let eagle: fn(&str) -> String = |path| match path {
        "/token" => "/api/id/v1/auth/token".to_owned(),
        path => format!("/realms/default{path}"),
    };
    for (dialect, place, expected) in [
        (
            "light-oauth2",
            light,
            json!({ "user_id": "1302", "user_type": "admin", "roles": "user" }),
        ),
        (
            "screening-eagle",
            eagle,
            json!({ "sub": "1302", "scopes": ["user"], "userID": 1302, "userRegion": "SG" }),
        ),
    ] {
        let served = Served::new(json!({ "dialect": dialect }), place);
        let tokens = served.sign_in("openid+read");
        let sent = tokens.claims();
        let claims = served
            .exchange(&tokens.text("access_token"), "&scope=read")
            .claims();
        for (claim, value) in expected.as_object().unwrap() {
            assert_eq!(&claims[claim], value, "{dialect} {claim}");
        }
        assert_eq!(claims["client_id"], "api", "{dialect}");
        assert_eq!(claims["sid"], sent["sid"], "{dialect}");
        assert_eq!(claims["act"], json!({ "sub": "api" }), "{dialect}");
        // Nothing but that was added.
        let mut known = names(&sent);
        known.extend(["act", "exchanged_from"]);
        known.sort_unstable();
        assert_eq!(names(&claims), known, "{dialect}");
    }
}

#[test]
fn a_persons_token_for_a_key_is_exchanged_by_who_was_sent_it() {
    let served = Served::rfc9068();
    let send = |id: &str, form: &str, octet: u8| {
        let authorization = basic(id, SECRET);
        let ask = |proof: &str| {
            served.people.send(&Request {
                authorization: Some(&authorization),
                dpop: Some(proof),
                ..post("/token", form)
            })
        };
        let nonce = ask("x").header("dpop-nonce").unwrap().to_owned();
        let proof = Signed::proof(&format!("{ISSUER}/token"), &nonce);
        let proof = proof.claim("jti", format!("{id}{octet}"));
        ask(&proof.with_jwk(public_jwk(octet)).signed_by(octet).text())
    };
    let code = served.people.code("app", "&scope=read", ada());
    let uri = encoded(CALLBACK);
    let form = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
    let tokens = send("app", &form, CLIENT_KEY);
    assert_eq!(tokens.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    let token = tokens.text("access_token");
    // The resource has checked the proof of who sent it; it cannot make another.
    let plain = served.exchange(&token, "");
    assert_eq!(plain.claims().get("cnf"), None);
    assert_eq!(plain.claims()["sid"], tokens.claims()["sid"]);
    let form = format!("grant_type={EXCHANGE}{}", subject(&token, ACCESS_TOKEN));
    let bound = send("api", &form, 22);
    assert_eq!(bound.claims()["cnf"], json!({ "jkt": kid(22) }));
    assert_eq!(bound.text("token_type"), "DPoP");
}

#[test]
fn a_person_may_act_for_another() {
    let served = Served::rfc9068();
    let of_ada = served.sign_in("read").text("access_token");
    let code = served
        .people
        .code("app", "&scope=read", json!({ "sub": "1303" }));
    let of_grace = served.people.redeem(&code, "");
    let by_grace = actor(&of_grace.text("access_token"), ACCESS_TOKEN);
    let answer = served.exchange(&of_ada, &by_grace);
    let claims = answer.claims();
    assert_eq!(
        (&claims["sub"], &claims["act"]),
        (&json!("1302"), &json!({ "sub": "1303" }))
    );
    assert_eq!(claims["sid"], claims_of(&of_ada)["sid"]);
    assert_eq!(answer.log()["actor"], "1303");
}
