//! The requests of the RFCs, word for word where a deployment can have them.

use super::*;

/// `s6BhdRkqt3` with the secret of RFC 7662 §2.1 and RFC 7009 §2.1.
const BASIC: &str = "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW";
const PROTECTED: &str = "https://protected.example.net/resource";

fn with_s6bhdrkqt3(dialect: &str, change: impl FnOnce(&mut Client)) -> People {
    let people = realm(dialect, json!({}));
    people.register("s6BhdRkqt3", |client| {
        client.secrets = vec![stored_secret("s1", "gX1fBat3bV")];
        change(client);
    });
    people
}

fn send(people: &People, authorization: &str, path: &str, form: &str) -> Answer {
    people.send(&Request {
        authorization: Some(authorization),
        accept: Some("application/json"),
        ..post(path, form)
    })
}

#[test]
fn rfc7662_2_1_asks_about_tokens_that_are_not_active_here() {
    for dialect in DIALECTS {
        let people = with_s6bhdrkqt3(dialect, |_| ());
        for form in [
            "token=2YotnFZFEjr1zCsicMWpAA",
            "token=mF_9.B5f-4.1JqM&token_type_hint=access_token",
        ] {
            let answer = send(&people, BASIC, "/introspect", form);
            assert_eq!(answer.status(), 200, "{dialect}: {}", answer.reason());
            // §2.2: the second of its two responses.
            assert_eq!(answer.response.body, r#"{"active":false}"#, "{dialect}");
        }
        // Its first request authenticates by an access token, which is one way of several (§2.1) and
        // not this service's.
        let bearer = "Bearer 23410913-abewfq.123483";
        let answer = send(
            &people,
            bearer,
            "/introspect",
            "token=2YotnFZFEjr1zCsicMWpAA",
        );
        assert_eq!(answer.error(), invalid_client(), "{dialect}");
    }
}

#[test]
fn rfc7662_2_2_answers_with_these_members() {
    let people = with_s6bhdrkqt3("keycloak", |client| {
        client.resources = vec![PROTECTED.to_owned()]
    });
    let scope = ScopeSet::parse("read write dolphin profile openid").unwrap();
    people.register("l238j323ds-23ij4", |client| {
        client.scope = scope;
        client.audience = vec![PROTECTED.to_owned()];
        client.claims = json!({ "extension_field": "twenty-seven" })
            .as_object()
            .unwrap()
            .clone();
    });
    let asked = people.ask("l238j323ds-23ij4", "&scope=read+write+dolphin+profile");
    let jdoe = json!({ "sub": "Z5O3upPC88QrAjx00dis", "claims": { "preferred_username": "jdoe" } });
    people.accept(&asked, jdoe);
    let code = people.resume(&asked).location("code").unwrap();
    let uri = encoded(CALLBACK);
    let form = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
    let token = people.token("l238j323ds-23ij4", &form).text("access_token");
    let form = format!("token={token}&token_type_hint=access_token");
    let told = send(&people, BASIC, "/introspect", &form).json();
    for (member, value) in [
        ("active", json!(true)),
        ("client_id", json!("l238j323ds-23ij4")),
        ("username", json!("jdoe")),
        ("scope", json!("read write dolphin profile")),
        ("sub", json!("Z5O3upPC88QrAjx00dis")),
        ("aud", json!(PROTECTED)),
        ("iss", json!(ISSUER)),
        ("exp", json!(NOW + 300)),
        ("iat", json!(NOW)),
        ("extension_field", json!("twenty-seven")),
    ] {
        assert_eq!(told[member], value, "{member}");
    }
}

#[test]
fn rfc7009_2_1_revokes_a_token_that_is_unknown_here() {
    for dialect in DIALECTS {
        let people = with_s6bhdrkqt3(dialect, |_| ());
        let form = "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token";
        let answer = send(&people, BASIC, "/revoke", form);
        assert_eq!(answer.status(), 200, "{dialect}: {}", answer.reason());
        assert_eq!(people.fixture.store.acts(), 0);
    }
}

#[test]
fn rfc7009_2_1_revokes_the_clients_own_refresh_token() {
    let people = with_s6bhdrkqt3("rfc9068", |_| ());
    let code = people.code("s6BhdRkqt3", "&scope=openid", json!({}));
    let uri = encoded(CALLBACK);
    let form = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
    let tokens = send(&people, BASIC, "/token", &form);
    let refresh = tokens.text("refresh_token");
    assert!(people.is_active(&refresh));
    let form = format!("token={refresh}&token_type_hint=refresh_token");
    assert_eq!(send(&people, BASIC, "/revoke", &form).status(), 200);
    assert!(!people.is_active(&refresh));
}

/// §2.1 asks for two resources, §2.2 redeems the code for one of them and refreshes for the other.
#[test]
fn rfc8707_2_1_and_2_2_authorize_for_two_and_get_a_token_for_each() {
    let (cal, contacts) = ("https://cal.example.com/", "https://contacts.example.com/");
    let callback = "https://client.example.org/cb";
    let people = realm("rfc9068", json!({}));
    people.register("s6BhdRkqt3", |client| {
        client.secrets = vec![stored_secret("s1", "hsqEzQlUoHAE9px4FSr4yI")];
        client.scope = ScopeSet::parse("calendar contacts").unwrap();
        client.audience = vec![cal.to_owned(), contacts.to_owned()];
        client.redirect_uris = vec![callback.to_owned()];
    });
    let asked = Asked::read(&people.authorize(
        "response_type=code&client_id=s6BhdRkqt3&state=tNwzQ87pC6llebpmac_IDeeq-mCR2wLDYljHUZUAWuI\
         &redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb&scope=calendar%20contacts\
         &resource=https%3A%2F%2Fcal.example.com%2F&resource=https%3A%2F%2Fcontacts.example.com%2F",
    ));
    people.accept(&asked, json!({}));
    let back = people.resume(&asked);
    let state = "tNwzQ87pC6llebpmac_IDeeq-mCR2wLDYljHUZUAWuI";
    assert_eq!(back.location("state").as_deref(), Some(state));
    let code = back.location("code").unwrap();
    let basic = "Basic czZCaGRSa3F0Mzpoc3FFelFsVW9IQUU5cHg0RlNyNHlJ";
    let form = format!(
        "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb\
         &code={code}&resource=https%3A%2F%2Fcal.example.com%2F"
    );
    let first = send(&people, basic, "/token", &form);
    assert_eq!(first.claims()["aud"], cal);
    let form = format!(
        "grant_type=refresh_token&refresh_token={}\
         &resource=https%3A%2F%2Fcontacts.example.com%2F",
        first.text("refresh_token")
    );
    let second = send(&people, basic, "/token", &form);
    assert_eq!(second.claims()["aud"], contacts);
    // The scope is the client's to narrow.
    let form = format!(
        "grant_type=refresh_token&refresh_token={}&scope=contacts\
         &resource=https%3A%2F%2Fcontacts.example.com%2F",
        second.text("refresh_token")
    );
    let third = send(&people, basic, "/token", &form).claims();
    assert_eq!(
        (&third["aud"], &third["scope"]),
        (&json!(contacts), &json!("contacts"))
    );
}
