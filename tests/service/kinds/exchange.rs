//! What an exchanged token came from (RFC 8693): it ends with each client that had it before, and
//! is never more than the word that it was given for.

use super::super::people::People;
use super::super::signed::*;
use super::super::trusted_issuers::*;
use super::super::*;

const GRANT: &str = "grant_type=client_credentials";

/// The audience that a client answers for.
fn at(id: &str) -> String {
    format!("https://{id}.example")
}

/// Clients of which each sends its tokens to the next, and may exchange those that it is sent.
fn relay(ids: &[&str]) -> Fixture {
    let fixture = Fixture::trusting();
    register(&fixture, ids);
    fixture
}

fn register(fixture: &Fixture, ids: &[&str]) {
    for (position, id) in ids.iter().enumerate() {
        let next = ids.get(position + 1).map(|next| at(next));
        fixture.register(id, |client| relayed(client, next));
    }
}

/// A client of such a relay.
fn relayed(client: &mut Client, next: Option<String>) {
    may_present(client);
    client.grant_types.push("client_credentials".into());
    client.scope = ScopeSet::parse("openid read write").unwrap();
    client.resources = vec![at(client.client_id.as_str())];
    client.exchange_audience.extend(next);
    client.audience = client.exchange_audience.clone();
}

impl Fixture {
    fn disable(&self, id: &str) {
        self.register(id, |client| client.disabled = true);
    }

    /// Hands a token on from client to client. What each of them gets.
    fn hand_on(&self, token: &str, ids: &[&str], last: &str) -> Vec<String> {
        let mut tokens = vec![token.to_owned()];
        for (position, id) in ids.iter().enumerate() {
            let next = ids.get(position + 1).unwrap_or(&last);
            let sent = subject(&tokens[position], ACCESS_TOKEN);
            let answer = self.exchange(id, &format!("{sent}&resource={}", at(next)));
            assert_eq!(answer.status(), 200, "{id}: {}", answer.reason());
            let text = answer.json()["access_token"].as_str().unwrap().to_owned();
            tokens.push(text);
        }
        tokens
    }

    fn tells_active(&self, id: &str, token: &str) -> bool {
        let answer = self.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/realms/default/introspect", &format!("token={token}"))
        });
        answer.json()["active"] == true
    }

    fn first(&self, id: &str) -> String {
        let answer = self.token_as(&basic(id, SECRET), GRANT);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn userinfo_of(&self, token: &str) -> u16 {
        let answer = self.send(&Request {
            method: "GET",
            path: "/realms/default/userinfo",
            authorization: Some(&format!("Bearer {token}")),
            ..Request::default()
        });
        answer.status()
    }
}

const RELAY: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn a_token_ends_with_each_client_that_had_it_before() {
    type End = fn(&Fixture, &str);
    let ends: [(&str, End); 3] = [
        ("disabled", Fixture::disable),
        ("deleted", |fixture, id| {
            fixture.store.remove_at(&format!("client/default/{id}"));
        }),
        ("its not-before time", |fixture, id| {
            let record = json!({ "version": 1, "clients": { id: NOW + 1 } });
            let key = "not-before/default".to_owned();
            fixture.store.put_at(key, Ok(record.to_string()));
        }),
    ];
    for (name, end) in ends {
        for (position, ended) in RELAY.iter().enumerate().take(4) {
            let fixture = relay(&RELAY);
            let tokens = fixture.hand_on(&fixture.first("a"), &["b", "c", "d"], "e");
            // The token of each client is for the next one, who asks about it.
            for (token, asker) in tokens.iter().zip(["b", "c", "d", "e"]) {
                assert!(fixture.tells_active(asker, token), "{name} {ended}");
            }
            end(&fixture, ended);
            for (at, asker) in ["b", "c", "d", "e"].into_iter().enumerate() {
                if asker == *ended && name != "its not-before time" {
                    continue;
                }
                let is_active = fixture.tells_active(asker, &tokens[at]);
                assert_eq!(is_active, at < position, "{name} {ended}, token {at}");
                // The last one has nobody to send it to.
                if let Some(next) = RELAY.get(at + 2) {
                    let form = subject(&tokens[at], ACCESS_TOKEN);
                    let form = format!("{form}&resource=https://{next}.example");
                    let exchanged = fixture.exchange(asker, &form).status() == 200;
                    assert_eq!(exchanged, at < position, "{name} {ended}, token {at}");
                }
            }
        }
    }
}

#[test]
fn a_token_of_the_earlier_format_is_read_and_ends_with_the_client_that_it_names() {
    let fixture = relay(&RELAY);
    let earlier = Signed::access_token("c")
        .claim("aud", at("d"))
        .claim("scope", "read")
        .claim("exchanged_from", json!({ "client_id": "a", "iat": NOW }))
        .text();
    assert!(fixture.tells_active("d", &earlier));
    let tokens = fixture.hand_on(&earlier, &["d"], "e");
    assert!(fixture.tells_active("e", &tokens[1]));
    fixture.disable("a");
    assert!(!fixture.tells_active("d", &earlier));
    assert!(!fixture.tells_active("e", &tokens[1]));
}

#[test]
fn a_persons_token_ends_with_each_client_that_had_it_before() {
    for ended in ["app", "b", "c"] {
        let people = People::new();
        let fixture = &people.fixture;
        register(fixture, &["b", "c", "d"]);
        people.register("app", |client| client.audience = vec![at("b")]);
        let code = people.code("app", "&scope=openid+read", json!({}));
        let sent = people.redeem(&code, "");
        let sent = sent.json()["access_token"].as_str().unwrap().to_owned();
        let tokens = fixture.hand_on(&sent, &["b", "c"], "d");
        assert!(fixture.tells_active("d", &tokens[2]), "{ended}");
        assert_eq!(fixture.userinfo_of(&tokens[2]), 200, "{ended}");
        fixture.disable(ended);
        assert!(!fixture.tells_active("d", &tokens[2]), "{ended}");
        assert_eq!(fixture.userinfo_of(&tokens[2]), 401, "{ended}");
        let again = fixture.exchange("d", &subject(&tokens[2], ACCESS_TOKEN));
        assert_eq!(again.error(), (400, "invalid_request".into()), "{ended}");
        let reason = "subject_token: its client is disabled or gone";
        assert_eq!(again.reason(), reason, "{ended}");
    }
}

#[test]
fn a_token_ends_with_the_client_of_its_actors_token() {
    let fixture = relay(&["a", "b", "c"]);
    fixture.register("x", |client| relayed(client, Some(at("b"))));
    let (sent, acting) = (fixture.first("a"), fixture.first("x"));
    let form = format!(
        "{}{}&resource={}",
        subject(&sent, ACCESS_TOKEN),
        actor(&acting, ACCESS_TOKEN),
        at("c")
    );
    let answer = fixture.exchange("b", &form);
    assert_eq!(answer.claims()["act"], json!({ "sub": "x" }));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(fixture.tells_active("c", &token));
    fixture.disable("x");
    assert!(!fixture.tells_active("c", &token));
}

#[test]
fn what_is_told_of_the_chain_is_bounded() {
    // To and fro between two is no chain of more than two.
    let fixture = relay(&["a", "b"]);
    fixture.register("a", |client| {
        relayed(client, Some(at("b")));
        client.may_impersonate = true;
    });
    fixture.register("b", |client| {
        relayed(client, Some(at("a")));
        client.may_impersonate = true;
    });
    let to_and_fro = ["b", "a"].repeat(8);
    let tokens = fixture.hand_on(&fixture.first("a"), &to_and_fro, "b");
    let last = |token: &str, next: &str| {
        let token = subject(token, ACCESS_TOKEN);
        format!("{token}&resource={}", at(next))
    };
    let answer = fixture.exchange("b", &last(&tokens[16], "a"));
    let told = &answer.claims()["exchanged_from"];
    assert_eq!(told["client_id"], "a");
    assert_eq!(told["through"], json!([{ "client_id": "b", "iat": NOW }]));
    // Nine are one too many.
    let ids = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"];
    let fixture = relay(&ids);
    for (position, id) in ids.iter().enumerate() {
        let next = ids.get(position + 1).unwrap_or(&"c10");
        let next = Some(at(next));
        fixture.register(id, |client| {
            relayed(client, next);
            client.may_impersonate = true;
        });
    }
    let tokens = fixture.hand_on(&fixture.first("c0"), &ids[1..9], "c9");
    let claims = fixture.exchange("c8", &last(&tokens[7], "c9")).claims();
    let through = claims["exchanged_from"]["through"].as_array();
    assert_eq!(through.unwrap().len(), 7);
    let refused = fixture.exchange("c9", &last(&tokens[8], "c10"));
    assert_eq!(refused.error(), (400, "invalid_request".into()));
    let reason = "it would come from the tokens of more than 8 clients";
    assert_eq!(refused.reason(), reason);
}

#[test]
fn a_foreign_token_gives_no_more_scope_than_it_has() {
    let fixture = Fixture::trusting();
    // `app` has "read write".
    for (at, (claims, expected)) in [
        (json!({}), Some("read write")),
        (json!({ "scope": "nothing" }), Some("")),
        (json!({ "scope": "" }), Some("")),
        (json!({ "scope": [] }), Some("")),
        (json!({ "scope": "read" }), Some("read")),
        (
            json!({ "scope": "admin  write\u{e9} write" }),
            Some("write"),
        ),
        (json!({ "scope": ["admin", "read"] }), Some("read")),
        (json!({ "scope": ["admin read"] }), Some("read")),
        (json!({ "scp": "write" }), Some("write")),
        (json!({ "scp": ["write", "email"] }), Some("write")),
        (
            json!({ "scope": "read write", "scp": ["write"] }),
            Some("write"),
        ),
        (json!({ "scope": "read", "scp": "write" }), Some("")),
        (json!({ "scope": "READ" }), Some("")),
        (json!({ "scope": null }), None),
        (json!({ "scope": 1 }), None),
        (json!({ "scope": { "read": true } }), None),
        (json!({ "scp": ["read", 1] }), None),
    ]
    .into_iter()
    .enumerate()
    {
        let token = |jti: &str| {
            let members = claims.as_object().unwrap().clone();
            let token = by_idp().claim("jti", format!("{jti}{at}"));
            members
                .into_iter()
                .fold(token, |token, (name, value)| token.claim(&name, value))
        };
        let exchange = |more: &str| {
            let text = token("e").text();
            fixture.exchange("app", &format!("{}{more}", subject(&text, JWT)))
        };
        let Some(expected) = expected else {
            let bear = fixture.bear(&token("b"), "");
            assert_eq!(bear.error(), (400, "invalid_grant".into()), "{claims}");
            let refused = (400, "invalid_request".into());
            assert_eq!(exchange("").error(), refused, "{claims}");
            continue;
        };
        for answer in [fixture.bear(&token("b"), ""), exchange("")] {
            assert_eq!(answer.status(), 200, "{claims}: {}", answer.reason());
            let scope = answer.claims();
            let scope = scope["scope"].as_str().unwrap_or_default();
            assert_eq!(scope, expected, "{claims}");
        }
        // Who asks for more is told so.
        for scope in ["read", "write"] {
            let is_in = expected.contains(scope);
            let form = format!("&scope={scope}");
            for answer in [fixture.bear(&token(scope), &form), exchange(&form)] {
                if is_in {
                    assert_eq!(answer.status(), 200, "{claims} {scope}");
                } else {
                    let error = (400, "invalid_scope".into());
                    assert_eq!(answer.error(), error, "{claims} {scope}");
                }
            }
        }
    }
}

#[test]
fn a_foreign_token_gives_no_more_than_its_issuer_may_give() {
    let fixture = Fixture::trusting();
    // `partner` is bound to "read".
    for (scope, expected) in [("write", ""), ("read write", "read"), ("admin", "")] {
        let token = by(PARTNER, PARTNER_KEY)
            .claim("scope", scope)
            .without("jti");
        let answer = fixture.bear(&token, "");
        let claims = answer.claims();
        assert_eq!(claims["scope"].as_str().unwrap_or_default(), expected);
    }
}

#[test]
fn may_act_without_an_issuer_speaks_of_its_own_issuers_subjects() {
    let fixture = Fixture::trusting();
    // The realm's own token speaks of the realm's subjects.
    let own = |may_act: Value| {
        let token = Signed::access_token("app").claim("scope", "read");
        subject(&token.claim("may_act", may_act).text(), ACCESS_TOKEN)
    };
    let foreign = |may_act: Value| {
        let token = by_idp().claim("may_act", may_act);
        subject(&token.text(), JWT)
    };
    for (name, form, is_good) in [
        ("own", own(json!({ "sub": "app" })), true),
        (
            "own, of IDP",
            own(json!({ "sub": "app", "iss": IDP })),
            false,
        ),
        ("foreign", foreign(json!({ "sub": "app" })), false),
        (
            "foreign, of IDP",
            foreign(json!({ "sub": "app", "iss": IDP })),
            false,
        ),
        (
            "foreign, of here",
            foreign(json!({ "sub": "app", "iss": ISSUER })),
            true,
        ),
    ] {
        let answer = fixture.exchange("app", &form);
        assert_eq!(
            answer.status() == 200,
            is_good,
            "{name}: {}",
            answer.reason()
        );
    }
}

#[test]
fn of_those_who_act_elsewhere_only_their_names_are_kept() {
    let fixture = Fixture::trusting();
    let act = json!({
        "sub": "x", "iss": "https://elsewhere.example", "email": "x@example.com", "amr": ["pwd"],
        "act": { "sub": "y", "client_id": "front", "act": { "client_id": "z" } },
    });
    let token = by_idp().claim("act", act);
    let claims = fixture
        .exchange("app", &subject(&token.text(), JWT))
        .claims();
    let expected = json!({
        "sub": "app",
        "act": { "sub": "x", "iss": IDP, "act": { "sub": "y", "iss": IDP, "act": { "iss": IDP } } },
    });
    assert_eq!(claims["act"], expected);
    for sub in [json!(1), json!(null), json!(["x"])] {
        let token = by_idp().claim("act", json!({ "sub": "x", "act": { "sub": sub } }));
        let answer = fixture.exchange("app", &subject(&token.text(), JWT));
        assert_eq!(answer.error(), (400, "invalid_request".into()));
        let reason = "subject_token: its claim `act` is missing or malformed";
        assert_eq!(answer.reason(), reason);
    }
}
