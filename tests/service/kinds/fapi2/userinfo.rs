//! RFC 9068 §4: userinfo takes tokens for the realm itself. Whoever was sent one for an API must not
//! learn with it who the person is.

use super::*;
use crate::after::{DIALECTS, realm};

const API: &str = "https://api.example";

/// The status of userinfo for a token that a client gets with these parameters at the authorization
/// endpoint and at the token endpoint.
fn status(people: &People, asked: &str, redeemed: &str) -> u16 {
    let code = people.code("app", &format!("&scope=openid{asked}"), json!({}));
    let tokens = people.redeem(&code, redeemed);
    assert_eq!(tokens.status(), 200, "{}", tokens.reason());
    let answer = people.userinfo(&tokens.text("access_token"));
    match answer.status() {
        200 => assert_eq!(answer.json(), json!({ "sub": "1302" })),
        _ => {
            assert_eq!(answer.error(), (401, "invalid_token".into()));
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer realm=\"default\", error=\"invalid_token\"")
            );
            assert_eq!(
                answer.reason(),
                "invalid access token: for another resource"
            );
        }
    }
    answer.status()
}

#[test]
fn a_token_that_was_asked_for_another_resource_is_not_taken() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let others = format!("&resource={}", encoded(API));
        for (audience, asked, redeemed, expected) in [
            // Nothing is said anywhere: the issuer, or the client.
            (vec![], "", "", 200),
            // The record says for whom, and nothing is asked for.
            (vec![API], "", "", 200),
            (vec![API, ISSUER], "", "", 200),
            (vec![API, "urn:b"], "", "", 200),
            // An API is asked for.
            (vec![API], &*others, "", 401),
            (vec![API, ISSUER], &others, "", 401),
            (vec![API, ISSUER], "", &others, 401),
            (vec![API, "urn:b"], "", "&audience=urn%3Ab", 401),
            (vec![API, "urn:b"], "&audience=urn%3Ab", "", 401),
            // The realm is asked for, alone or too.
            (
                vec![API, ISSUER],
                &format!("&resource={}", encoded(ISSUER)),
                "",
                200,
            ),
            (
                vec![API, ISSUER],
                "",
                &format!("{others}&resource={}", encoded(ISSUER)),
                200,
            ),
        ] {
            people.register("app", |client| {
                client.audience = audience.iter().map(|one| (*one).to_owned()).collect();
            });
            let found = status(&people, asked, redeemed);
            assert_eq!(found, expected, "{dialect} {audience:?} {asked} {redeemed}");
        }
    }
}

#[test]
fn a_token_for_the_realms_own_audience_is_taken() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({ "audience": ["urn:realm", "urn:too"] }));
        people.register("app", |client| client.audience.clear());
        assert_eq!(status(&people, "", ""), 200, "{dialect}");
        assert_eq!(status(&people, "&resource=urn%3Arealm", ""), 200);
        assert_eq!(status(&people, "", "&resource=urn%3Atoo"), 200);
        people.register("app", |client| {
            client.audience = vec![API.into(), "urn:too".into()];
        });
        assert_eq!(status(&people, "", ""), 200, "{dialect}");
        assert_eq!(status(&people, "", "&audience=urn%3Atoo"), 200);
        let others = format!("&resource={}", encoded(API));
        assert_eq!(status(&people, "", &others), 401, "{dialect}");
        assert_eq!(status(&people, &others, ""), 401, "{dialect}");
    }
}

/// Only the client has it, whichever dialect makes it the default.
#[test]
fn a_token_for_the_client_itself_is_taken() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("app", |client| {
            client.audience = vec![API.into(), "app".into()];
        });
        assert_eq!(status(&people, "", "&audience=app"), 200, "{dialect}");
        let others = format!("&audience={}", encoded(API));
        assert_eq!(status(&people, "", &others), 401, "{dialect}");
    }
}

/// A token that a service exchanged for one of its own is for whom the service asked.
#[test]
fn an_exchanged_token_is_taken_only_if_it_is_for_the_realm() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("api", |client| {
            client.grant_types = vec!["urn:ietf:params:oauth:grant-type:token-exchange".into()];
            client.resources = vec!["urn:api".into()];
            client.audience = vec!["urn:api".into()];
            client.exchange_audience = vec!["urn:next".into(), ISSUER.into()];
        });
        let token = |more: &str| {
            let code = people.code("app", &format!("&scope=openid{more}"), json!({}));
            people.redeem(&code, "").text("access_token")
        };
        let exchange = |token: &str, asked: &str| {
            let form = format!(
                "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&scope=openid\
                 &subject_token={token}\
                 &subject_token_type=urn:ietf:params:oauth:token-type:access_token{asked}"
            );
            let exchanged = people.token("api", &form);
            assert_eq!(exchanged.status(), 200, "{dialect} {}", exchanged.reason());
            people.userinfo(&exchanged.text("access_token")).status()
        };
        // What was asked for when the person signed in counts for what comes of it.
        let narrow = token("&resource=urn%3Aapi");
        assert_eq!(exchange(&narrow, ""), 401, "{dialect}");
        let token = token("");
        for (asked, expected) in [
            ("&audience=urn%3Anext".to_owned(), 401),
            (format!("&audience={}", encoded(ISSUER)), 200),
            // As its record has it where nothing is asked for.
            (String::new(), 200),
        ] {
            assert_eq!(exchange(&token, &asked), expected, "{dialect} {asked}");
        }
    }
}
