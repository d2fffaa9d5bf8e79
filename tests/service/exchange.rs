//! RFC 8693: a client that has somebody's token gets one of its own for it. `people::exchange` goes
//! on with the tokens of people.

mod actors;
mod bound;
mod foreign;
mod hostile;
mod narrowing;
mod origin;
mod rfc8693;

use super::signed::*;
use super::trusted_issuers::*;
use super::*;

const API: &str = "https://api.example";
const DB: &str = "https://db.example";
const BACKEND: &str = "https://backend.example";

impl Fixture {
    /// `front` gets tokens for [`API`], to which it sends them: the client `api`.
    fn exchanging() -> Self {
        Self::exchanging_with(json!({}))
    }

    fn exchanging_with(more: Value) -> Self {
        let realms = json!({ "default": trusting(more) });
        let fixture = Self::configured(realms, &secrets());
        fixture.register_api(|_| ());
        fixture.register("front", |client| {
            client.audience = vec![API.into()];
            client.scope = ScopeSet::parse("read admin").unwrap();
        });
        fixture
    }

    fn register_api(&self, change: impl FnOnce(&mut Client)) {
        self.register("api", |client| {
            may_present(client);
            client.grant_types.push("client_credentials".into());
            client.scope = ScopeSet::parse("read write").unwrap();
            client.audience = vec![API.into(), DB.into()];
            client.resources = vec![API.into()];
            client.exchange_audience = vec![BACKEND.into()];
            change(client);
        });
    }

    /// `api` exchanges a token.
    fn exchange_one(&self, token: &Signed, more: &str) -> Answer {
        self.exchange("api", &format!("{}{more}", held(token)))
    }
}

/// What `front` sends to `api`.
fn of_front() -> Signed {
    Signed::access_token("front")
        .claim("aud", API)
        .claim("scope", "read admin")
}

/// What `api` got for itself.
fn own() -> Signed {
    Signed::access_token("api")
        .claim("aud", json!([API, DB]))
        .claim("scope", "read write")
}

/// The parameters that present one as the subject's.
fn held(token: &Signed) -> String {
    subject(&token.text(), ACCESS_TOKEN)
}

#[test]
fn a_token_that_a_client_was_sent_gets_it_one_of_its_own() {
    let fixture = Fixture::exchanging();
    let form = "grant_type=client_credentials";
    let sent = fixture.token_as(&basic("front", SECRET), form);
    let sent = sent.json()["access_token"].as_str().unwrap().to_owned();
    let answer = fixture.exchange("api", &subject(&sent, ACCESS_TOKEN));
    let (header, claims) = answer.access_token();
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "front", "aud": API, "client_id": "api", "scope": "read",
            "act": { "sub": "api" }, "jti": claims["jti"], "iat": NOW, "exp": NOW + 300,
            "exchanged_from": { "client_id": "front", "iat": NOW },
        })
    );
    assert_eq!(
        answer.json(),
        json!({
            "access_token": answer.json()["access_token"], "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer", "expires_in": 300, "scope": "read",
        })
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let log = answer.log();
    for (member, value) in [
        ("outcome", "issued"),
        ("grant_type", EXCHANGE),
        ("client_id", "api"),
        ("sub", "front"),
        ("actor", "api"),
        ("scope", "read"),
    ] {
        assert_eq!(log[member], value, "{log}");
    }
    for part in sent.split('.').skip(1) {
        assert!(!log.to_string().contains(part), "{log}");
    }
    // It is none of the subject's: what is left of it may be used, and exchanged again.
    assert_eq!(fixture.exchange_one(&of_front(), "").status(), 200);
    assert_eq!(fixture.store.acts(), 0);
}

#[test]
fn access_tokens_of_the_realm_are_jwts_too() {
    let fixture = Fixture::exchanging();
    for (token_type, requested, issued) in [
        (ACCESS_TOKEN, "", ACCESS_TOKEN),
        (JWT, "", ACCESS_TOKEN),
        (ACCESS_TOKEN, ACCESS_TOKEN, ACCESS_TOKEN),
        (ACCESS_TOKEN, JWT, JWT),
        (JWT, JWT, JWT),
    ] {
        let form = subject(&of_front().text(), token_type);
        let requested = format!("{form}&requested_token_type={requested}");
        let answer = fixture.exchange("api", &requested);
        assert_eq!(answer.json()["issued_token_type"], issued, "{token_type}");
        assert_eq!(answer.json()["token_type"], "Bearer");
        assert_eq!(answer.access_token().0["typ"], "at+jwt");
    }
}

#[test]
fn each_dialect_tells_it_in_its_own_words() {
    for (dialect, path, response, mut claims, subject_claim, scope) in [
        (
            "keycloak",
            "/realms/default/protocol/openid-connect/token",
            vec![
                "access_token",
                "expires_in",
                "issued_token_type",
                "not-before-policy",
                "refresh_expires_in",
                "scope",
                "token_type",
            ],
            vec![
                "acr", "aud", "azp", "exp", "iat", "iss", "jti", "scope", "sub", "typ",
            ],
            "sub",
            ("scope", json!("read")),
        ),
        (
            "screening-eagle",
            "/api/id/v1/auth/token",
            vec![
                "access_token",
                "expires_in",
                "issued_token_type",
                "scope",
                "token_type",
            ],
            vec!["aud", "client_id", "exp", "iat", "iss", "jti", "scp", "sub"],
            "sub",
            ("scp", json!("read")),
        ),
        (
            "light-oauth2",
            "/oauth2/token",
            vec![
                "access_token",
                "expires_in",
                "issued_token_type",
                "token_type",
            ],
            vec![
                "aud",
                "client_id",
                "exp",
                "iat",
                "iss",
                "jti",
                "nbf",
                "scope",
                "user_id",
                "user_type",
                "version",
            ],
            "user_id",
            ("scope", json!(["read"])),
        ),
    ] {
        let fixture = Fixture::exchanging_with(json!({ "dialect": dialect }));
        let send = |id: &str, form: &str| {
            fixture.send(&Request {
                authorization: Some(&basic(id, SECRET)),
                ..post(path, form)
            })
        };
        // In light-oauth2 a client's token for itself names nobody.
        let form = match dialect {
            "light-oauth2" => "grant_type=client_authenticated_user&userId=front&userType=x",
            _ => "grant_type=client_credentials",
        };
        fixture.register("front", |client| {
            client.grant_types.push("client_authenticated_user".into());
            client.trusted = true;
            client.audience = vec![API.into()];
            client.scope = ScopeSet::parse("read").unwrap();
        });
        let sent = send("front", form).json();
        let sent = sent["access_token"].as_str().unwrap();
        let exchange = |form: &str| send("api", &format!("grant_type={EXCHANGE}{form}"));
        let answer = exchange(&subject(sent, ACCESS_TOKEN));
        assert_eq!(names(&answer.json()), response, "{dialect}");
        let told = answer.claims();
        claims.extend(["act", "exchanged_from"]);
        claims.sort_unstable();
        assert_eq!(names(&told), claims, "{dialect}");
        assert_eq!(told["act"], json!({ "sub": "api" }), "{dialect}");
        assert_eq!(told[subject_claim], "front", "{dialect}");
        assert_eq!(
            (&told["aud"], &told[scope.0]),
            (&json!(API), &scope.1),
            "{dialect}"
        );
        // It can be told of again: its own claims are read as they were written.
        let again = answer.json()["access_token"].as_str().unwrap().to_owned();
        let again = exchange(&subject(&again, JWT)).claims();
        assert_eq!(
            (&again["act"], &again[subject_claim]),
            (&told["act"], &told[subject_claim])
        );
    }
}

#[test]
fn keycloaks_tokens_are_for_their_client_when_nothing_else_says_so() {
    let path = "/realms/default/protocol/openid-connect/token";
    let fixture = Fixture::exchanging_with(json!({ "dialect": "keycloak" }));
    let send = |id: &str, form: &str| {
        fixture.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post(path, form)
        })
    };
    let token = |id: &str| {
        let answer = send(id, "grant_type=client_credentials");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    };
    let exchange = |token: &str, more: &str| {
        let form = subject(token, ACCESS_TOKEN);
        send("api", &format!("grant_type={EXCHANGE}{form}{more}"))
    };
    fixture.register("front", |client| client.audience.clear());
    let register = |more: fn(&mut Client)| {
        fixture.register_api(|client| {
            client.audience.clear();
            client.exchange_audience.clear();
            client.resources = vec!["front".into()];
            more(client);
        });
    };
    register(|_| ());
    let (own, sent) = (token("api"), token("front"));
    assert_eq!(exchange(&own, "").claims()["aud"], "api");
    // `front`'s tokens are for `front`, those of `api` for `api`: nothing is for both.
    for more in ["", "&audience=api", "&audience=front"] {
        let answer = exchange(&sent, more);
        assert_eq!(answer.error(), (400, "invalid_target".into()), "{more}");
    }
    register(|client| client.exchange_audience = vec!["api".into()]);
    assert_eq!(exchange(&sent, "").error().1, "invalid_target");
    assert_eq!(exchange(&sent, "&audience=api").claims()["aud"], "api");
    register(|client| client.audience = vec!["front".into(), "api".into()]);
    assert_eq!(exchange(&sent, "").claims()["aud"], "front");
}

#[test]
fn keycloak_tells_the_realms_not_before_moment() {
    let fixture = Fixture::exchanging_with(json!({ "dialect": "keycloak" }));
    let record = json!({ "version": 1, "realm": NOW - 9 }).to_string();
    fixture
        .store
        .put_at("not-before/default".into(), Ok(record));
    // Of another issuer's token too.
    let old = by_idp().claim("iat", NOW - 9);
    let form = format!("grant_type={EXCHANGE}{}", subject(&old.text(), JWT));
    let answer = fixture.send(&Request {
        authorization: Some(&basic("api", SECRET)),
        ..post("/realms/default/protocol/openid-connect/token", &form)
    });
    assert_eq!(answer.json()["not-before-policy"], NOW - 9);
}

#[test]
fn a_token_ends_with_the_first_of_those_that_it_came_from() {
    let fixture = Fixture::exchanging();
    for (subject_lives, actor_lives, ttl, expected) in [
        (1, None, None, 1),
        (299, None, None, 299),
        (301, None, None, 300),
        (86_400, None, None, 300),
        (86_400, None, Some(3600), 3600),
        (10, None, Some(3600), 10),
        (10, Some(20), None, 10),
        (20, Some(10), None, 10),
        (400, Some(500), None, 300),
        (400, Some(500), Some(450), 400),
    ] {
        fixture.register_api(|client| {
            client.access_token_ttl = ttl.map(edge_token::time::Seconds);
        });
        let mut form = held(&of_front().claim("exp", NOW + subject_lives));
        if let Some(lives) = actor_lives {
            form += &actor(&own().claim("exp", NOW + lives).text(), ACCESS_TOKEN);
        }
        let answer = fixture.exchange("api", &form);
        let name = format!("{subject_lives} {actor_lives:?} {ttl:?}");
        assert_eq!(answer.json()["expires_in"], expected, "{name}");
        assert_eq!(answer.claims()["exp"], NOW + expected, "{name}");
    }
}

#[test]
fn without_a_key_that_outlives_the_token_it_is_a_503() {
    let keys = HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 299)]))]);
    let fixture = Fixture::configured(json!({ "default": trusting(json!({})) }), &keys);
    fixture.register_api(|_| ());
    fixture.register("front", |_| ());
    let answer = fixture.exchange_one(&of_front().claim("exp", NOW + 250), "");
    assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
}

#[test]
fn storage_that_fails_is_a_503_and_never_a_token() {
    let fixture = Fixture::exchanging();
    let failed = |answer: Answer, name: &str| {
        assert_eq!(
            answer.error(),
            (503, "temporarily_unavailable".into()),
            "{name}"
        );
        assert_eq!(answer.header("retry-after"), Some("5"), "{name}");
        assert_eq!(answer.log().get("jti"), None, "{name}");
    };
    // Whether it was revoked, or its family ended.
    fixture.store.fail_acts(Some(StoreError::Timeout));
    failed(fixture.exchange_one(&of_front(), ""), "revoked");
    failed(fixture.exchange_one(&own(), ""), "revoked, its own");
    let with_actor = format!("{}{}", held(&of_front()), actor(&own().text(), JWT));
    failed(fixture.exchange("api", &with_actor), "both");
    // Another issuer's are asked of nobody.
    let foreign = subject(&by_idp().text(), JWT);
    assert_eq!(fixture.exchange("api", &foreign).status(), 200);
    fixture.store.fail_acts(None);
    // Whether a moment is past.
    let moments = |record| fixture.store.put_at("not-before/default".into(), record);
    for record in [
        Err(StoreError::Timeout),
        Ok("{}".into()),
        Ok(r#"{"version":1,"other":1}"#.into()),
    ] {
        moments(record);
        failed(fixture.exchange_one(&of_front(), ""), "not before");
    }
    moments(Ok(r#"{"version":1}"#.into()));
    assert_eq!(fixture.exchange_one(&of_front(), "").status(), 200);
    // Whether the subject's client is served.
    let front = ClientId::parse("front").unwrap();
    fixture.put(&front, Err(StoreError::Timeout));
    failed(fixture.exchange_one(&of_front(), ""), "its client");
}
