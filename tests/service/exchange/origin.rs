//! Where an exchanged token came from: what ends that ends it, however long after.

use super::*;

const GRANT: &str = "grant_type=client_credentials";

impl Fixture {
    fn moments(&self, moments: Value) {
        let mut record = moments;
        record["version"] = json!(1);
        let key = "not-before/default".to_owned();
        self.store.put_at(key, Ok(record.to_string()));
    }

    fn own_token(&self, id: &str) -> String {
        let answer = self.token_as(&basic(id, SECRET), GRANT);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// What `id` gets for a token, or nothing.
    fn exchanged(&self, id: &str, token: &str) -> Option<String> {
        let answer = self.exchange(id, &subject(token, ACCESS_TOKEN));
        Some(answer.json()["access_token"].as_str()?.to_owned())
    }

    fn is_active(&self, id: &str, token: &str) -> bool {
        let answer = self.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/realms/default/introspect", &format!("token={token}"))
        });
        answer.json()["active"] == true
    }
}

/// `front` sends its token to `api`, which exchanges it and sends that to `db`.
fn chain() -> Fixture {
    let fixture = Fixture::exchanging();
    fixture.register("db", |client| {
        client.grant_types = vec![EXCHANGE.into()];
        client.scope = ScopeSet::parse("read").unwrap();
        client.audience = vec![DB.into()];
        client.resources = vec![DB.into()];
    });
    fixture.register_api(|client| client.exchange_audience = vec![DB.into()]);
    fixture
}

#[test]
fn the_first_token_and_its_client_are_told_all_along_the_chain() {
    let mut fixture = chain();
    let first = fixture.own_token("front");
    fixture.now = UnixTime::from_seconds(NOW + 5);
    let form = format!("{}&resource={DB}", subject(&first, ACCESS_TOKEN));
    let second = fixture.exchange("api", &form);
    let origin = json!({ "client_id": "front", "iat": NOW });
    assert_eq!(second.claims()["exchanged_from"], origin);
    fixture.now = UnixTime::from_seconds(NOW + 9);
    let second = second.json()["access_token"].as_str().unwrap().to_owned();
    let third = fixture.exchange("db", &subject(&second, ACCESS_TOKEN));
    let through = json!([{ "client_id": "api", "iat": NOW + 5 }]);
    let both = json!({ "client_id": "front", "iat": NOW, "through": through });
    assert_eq!(third.claims()["exchanged_from"], both);
    assert_eq!(third.claims()["iat"], NOW + 9);
}

#[test]
fn a_moment_that_was_not_known_at_the_exchange_ends_what_came_of_it() {
    for (moments, is_active) in [
        (json!({}), true),
        (json!({ "realm": NOW }), true),
        (json!({ "realm": NOW + 1 }), false),
        (json!({ "clients": { "front": NOW } }), true),
        (json!({ "clients": { "front": NOW + 1 } }), false),
        (json!({ "clients": { "api": NOW + 9 } }), true),
        (json!({ "clients": { "api": NOW + 10 } }), false),
        (json!({ "subjects": { "front": NOW + 1 } }), false),
        (json!({ "subjects": { "api": NOW + 99 } }), true),
    ] {
        let mut fixture = chain();
        let first = fixture.own_token("front");
        fixture.now = UnixTime::from_seconds(NOW + 9);
        let token = fixture.exchanged("api", &first).unwrap();
        assert!(fixture.is_active("api", &token));
        fixture.moments(moments.clone());
        // Nor can it be exchanged on.
        assert_eq!(fixture.is_active("api", &token), is_active, "{moments}");
        let again = fixture.exchanged("api", &token);
        assert_eq!(again.is_some(), is_active, "{moments}");
    }
}

#[test]
fn an_origin_that_is_none_makes_no_token() {
    let fixture = chain();
    let held = |claim: Value| {
        Signed::access_token("api")
            .claim("scope", "read")
            .claim("exchanged_from", claim)
    };
    let good = held(json!({ "client_id": "front", "iat": NOW }));
    assert!(fixture.is_active("api", &good.text()));
    for claim in [
        json!("front"),
        json!({}),
        json!({ "client_id": "front" }),
        json!({ "iat": NOW }),
        json!({ "client_id": 1, "iat": NOW }),
        json!({ "client_id": "front", "iat": "1" }),
        json!({ "client_id": "é", "iat": NOW }),
        json!({ "client_id": "front", "iat": NOW, "through": {} }),
        json!({ "client_id": "front", "iat": NOW, "through": ["api"] }),
        json!({ "client_id": "front", "iat": NOW, "through": [{ "client_id": "api" }] }),
    ] {
        assert!(
            !fixture.is_active("api", &held(claim.clone()).text()),
            "{claim}"
        );
    }
}

#[test]
fn a_token_that_names_nobody_is_no_persons() {
    let fixture = Fixture::exchanging_with(json!({ "dialect": "light-oauth2" }));
    let send = |id: &str, form: &str| {
        fixture.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/oauth2/token", form)
        })
    };
    let token = |id: &str| {
        let answer = send(id, GRANT).json();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let exchange = |id: &str, token: &str| {
        let form = format!("grant_type={EXCHANGE}{}", subject(token, ACCESS_TOKEN));
        send(id, &form)
    };
    // A person of that name would look the same to who reads `user_id`.
    let refused = exchange("api", &token("front"));
    assert_eq!(refused.error(), (400, "invalid_request".into()));
    assert_eq!(refused.reason(), "subject_token names nobody");
    let own = exchange("api", &token("api")).claims();
    assert_eq!(
        (own.get("user_id"), &own["client_id"]),
        (None, &json!("api"))
    );
}
