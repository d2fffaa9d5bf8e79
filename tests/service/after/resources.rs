//! RFC 8707: whom a token shall be for, by every grant.

use super::*;

const A: &str = "urn:a";
const B: &str = "https://b.example/";

/// A realm that has every grant, and `app`, which may use each and have tokens for two resources.
fn two_resources() -> People {
    let people = realm(
        "light-oauth2",
        json!({ "trusted_issuers": {
            "partner": { "issuer": "https://partner.example", "jwks": jwks(&[CLIENT_KEY]) },
        } }),
    );
    people.register("app", |client| {
        client.audience = vec![A.to_owned(), B.to_owned()];
        client.trusted_issuers = vec!["partner".to_owned()];
        client.trusted = true;
        for grant in [EXCHANGE, JWT_BEARER, TRUSTED_USER, "client_credentials"] {
            client.grant_types.push(grant.to_owned());
        }
    });
    people
}

/// What asks for tokens by a grant, once each time that it is called for.
type Grant = fn(&People) -> String;

const GRANTS: [(&str, Grant); 6] = [
    ("client_credentials", |_| {
        "grant_type=client_credentials".into()
    }),
    ("authorization_code", |people| {
        let code = people.code("app", "", json!({}));
        let uri = encoded(CALLBACK);
        format!("grant_type=authorization_code&code={code}&redirect_uri={uri}")
    }),
    ("refresh_token", |people| {
        let token = people.tokens("read").text("refresh_token");
        format!("grant_type=refresh_token&refresh_token={token}")
    }),
    (EXCHANGE, |people| {
        let token = people.tokens("read").text("access_token");
        format!(
            "grant_type={EXCHANGE}&subject_token={token}&subject_token_type={ACCESS_TOKEN_TYPE}"
        )
    }),
    (JWT_BEARER, |_| {
        let assertion = Signed::assertion("ann").claim("iss", "https://partner.example");
        let assertion = assertion.without("jti").text();
        format!("grant_type={JWT_BEARER}&assertion={assertion}")
    }),
    (TRUSTED_USER, |_| {
        format!("grant_type={TRUSTED_USER}&userId=ann&userType=admin")
    }),
];

#[test]
fn by_every_grant_a_token_is_for_what_is_asked_for_within_the_record() {
    let b = "https%3A%2F%2Fb.example%2F";
    let people = two_resources();
    for (name, grant) in GRANTS {
        for (form, expected) in [
            (String::new(), json!([A, B])),
            ("&resource=&audience=".into(), json!([A, B])),
            (format!("&resource={A}"), json!(A)),
            (format!("&resource={b}"), json!(B)),
            (format!("&audience={b}"), json!(B)),
            (format!("&resource={b}&resource={A}"), json!([B, A])),
            (format!("&resource={A}&audience={b}"), json!([A, B])),
            (format!("&resource={A}&resource={A}&audience={A}"), json!(A)),
        ] {
            let answer = people.token("app", &format!("{}{form}", grant(&people)));
            assert_eq!(answer.status(), 200, "{name} {form}: {}", answer.reason());
            assert_eq!(answer.claims()["aud"], expected, "{name} {form}");
        }
        let request = grant(&people);
        for form in [
            "&resource=urn:c".to_owned(),
            "&audience=urn:c".into(),
            format!("&resource={A}&resource=urn:c"),
            format!("&resource=urn:c&audience={A}"),
            format!("&resource={A}/"),
            "&resource=URN:A".into(),
            format!("&resource={A}%23x"),
            format!("&resource={A}+{b}"),
            "&resource=https%3A%2F%2Fb.example".into(),
            format!("&resource={b}x"),
            // Their own ids are not what these records name.
            "&resource=app".into(),
            format!("&resource={}", encoded(ISSUER)),
        ] {
            let answer = people.token("app", &format!("{request}{form}"));
            assert_eq!(
                answer.error(),
                (400, "invalid_target".into()),
                "{name} {form}"
            );
        }
        // None of that used up what the request brings.
        assert_eq!(people.token("app", &request).status(), 200, "{name}");
    }
}

#[test]
fn a_token_is_for_one_audience_unless_the_record_has_several() {
    for dialect in DIALECTS {
        for (record, expected) in [
            (
                vec![],
                json!(if matches!(dialect, "keycloak" | "screening-eagle") {
                    "app"
                } else {
                    ISSUER
                }),
            ),
            (vec![A], json!(A)),
            (vec![A, B], json!([A, B])),
        ] {
            let people = realm(dialect, json!({}));
            people.register("app", |client| {
                client.audience = record.iter().map(|one| (*one).to_owned()).collect();
            });
            let tokens = people.tokens("read");
            let refreshed = people.refresh(&tokens.text("refresh_token"), "");
            for answer in [tokens, refreshed] {
                assert_eq!(answer.claims()["aud"], expected, "{dialect}");
            }
        }
    }
}

#[test]
fn an_authorization_request_asks_within_the_record() {
    let people = two_resources();
    for (resource, is_good) in [
        (A, true),
        (B, true),
        ("urn:c", false),
        ("urn:a#x", false),
        ("URN:A", false),
        ("app", false),
    ] {
        let query = format!(
            "response_type=code&client_id=app&redirect_uri={}&state=s&resource={}",
            encoded(CALLBACK),
            encoded(resource)
        );
        let error = people.authorize(&query).location("error");
        let expected = (!is_good).then_some("invalid_target");
        assert_eq!(error.as_deref(), expected, "{resource}");
        let pushed = people.post_as("app", "/par", &query);
        let status = if is_good { 201 } else { 400 };
        assert_eq!(pushed.status(), status, "{resource}");
        if !is_good {
            assert_eq!(pushed.error().1, "invalid_target", "{resource}");
        }
    }
}

/// RFC 8707 §2.2: a token is for less than was granted, and "any refresh token that is returned is
/// bound to the full original grant".
#[test]
fn a_grant_for_some_narrows_and_never_widens() {
    let people = two_resources();
    people.register("app", |client| {
        client.audience = vec![A.to_owned(), B.to_owned(), "urn:c".to_owned()];
    });
    let b = encoded(B);
    let code = || {
        people.code(
            "app",
            &format!("&scope=read&resource={A}&resource={b}"),
            json!({}),
        )
    };
    // What the authorization request left out is out of reach, in the client's record or not.
    let kept = code();
    for form in [
        "&resource=urn:c",
        "&audience=urn:c",
        "&resource=urn:a&resource=urn:c",
    ] {
        let answer = people.redeem(&kept, form);
        assert_eq!(answer.error(), (400, "invalid_target".into()), "{form}");
        assert_eq!(answer.reason(), "audience exceeds what was granted");
    }
    let whole = people.redeem(&kept, "");
    assert_eq!(whole.claims()["aud"], json!([A, B]));
    let narrow = people.redeem(&code(), &format!("&resource={b}"));
    assert_eq!(narrow.claims()["aud"], B);
    for first in [whole, narrow] {
        let mut token = first.text("refresh_token");
        for (form, expected) in [
            (format!("&resource={A}"), Some(json!(A))),
            ("&resource=urn:c".into(), None),
            (String::new(), Some(json!([A, B]))),
            (format!("&audience={b}&resource={A}"), Some(json!([A, B]))),
            (format!("&resource={A}&resource=urn:c"), None),
            (format!("&resource={b}"), Some(json!(B))),
        ] {
            let answer = people.refresh(&token, &form);
            let Some(expected) = expected else {
                assert_eq!(answer.error(), (400, "invalid_target".into()), "{form}");
                continue;
            };
            assert_eq!(answer.status(), 200, "{form}: {}", answer.reason());
            let aud = answer.claims()["aud"].clone();
            let set = |value: &Value| match value {
                Value::Array(list) => list.clone(),
                one => vec![one.clone()],
            };
            let (mut aud, mut expected) = (set(&aud), set(&expected));
            aud.sort_by_key(Value::to_string);
            expected.sort_by_key(Value::to_string);
            assert_eq!(aud, expected, "{form}");
            token = answer.text("refresh_token");
        }
    }
}

#[test]
fn a_resource_that_the_record_has_no_more_is_left_out() {
    let people = two_resources();
    let b = encoded(B);
    let code = |people: &People| {
        people.code(
            "app",
            &format!("&scope=read&resource={A}&resource={b}"),
            json!({}),
        )
    };
    let (first, second) = (code(&people), code(&people));
    let token = people.redeem(&first, "").text("refresh_token");
    people.register("app", |client| client.audience = vec![A.to_owned()]);
    let refreshed = people.refresh(&token, "");
    assert_eq!(refreshed.claims()["aud"], A);
    assert_eq!(people.redeem(&second, "").claims()["aud"], A);
    let token = refreshed.text("refresh_token");
    let gone = people.refresh(&token, &format!("&resource={b}"));
    assert_eq!(gone.error(), (400, "invalid_target".into()));
    people.register("app", |client| client.audience = vec!["urn:c".to_owned()]);
    assert_eq!(
        people.refresh(&token, "").error(),
        (400, "invalid_target".into())
    );
    people.register("app", |client| client.audience = vec![B.to_owned()]);
    assert_eq!(people.refresh(&token, "").claims()["aud"], B);
}
