//! What clients get of what they ask for when they register (RFC 7591 §3.2.1): the answer tells,
//! and only what is of no use without the rest is refused. What people see of a client is what it
//! is.

use super::super::people::People;
use super::super::signed::*;
use super::super::*;
use edge_token::grant_type::GrantType;

const CALLBACK: &str = "https://new.example/cb";

/// Registers in a realm with people that has that policy.
fn register_with(policy: Value, metadata: &Value) -> Answer {
    let people = People::with(json!({ "registration": policy }));
    let fixture = &people.fixture;
    fixture.register("registrar", |client| {
        client.scope = ScopeSet::parse("client_registration").unwrap();
    });
    let token = Signed::access_token("registrar").claim("scope", "client_registration");
    let authorization = format!("Bearer {}", token.text());
    fixture.send(&Request {
        authorization: Some(&authorization),
        content_type: Some("application/json"),
        ..post("/realms/default/register", &metadata.to_string())
    })
}

fn policy() -> Value {
    json!({
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "auth_methods": ["client_secret_basic", "private_key_jwt", "none"],
        "scopes": "openid profile email",
    })
}

fn register(metadata: Value) -> Answer {
    let mut all = json!({ "redirect_uris": [CALLBACK] });
    let members = all.as_object_mut().unwrap();
    members.extend(metadata.as_object().unwrap().clone());
    register_with(policy(), &all)
}

/// Asserts that the members of an answer have these values.
fn assert_told(metadata: &Value, answer: &Answer, expected: &Value) {
    assert_eq!(answer.status(), 201, "{metadata}: {}", answer.reason());
    let told = answer.json();
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&told[member], value, "{metadata}: {member}");
    }
}

#[test]
fn of_lists_a_client_gets_what_may_be_had() {
    let jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let code = "authorization_code";
    for (metadata, expected) in [
        (
            json!({ "grant_types": [code, "refresh_token", jwt_bearer] }),
            json!({ "grant_types": [code, "refresh_token"] }),
        ),
        (
            json!({ "grant_types": ["implicit", code, "password"] }),
            json!({ "grant_types": [code], "response_types": ["code"] }),
        ),
        (
            json!({ "grant_types": [code, "urn:ietf:params:oauth:grant-type:device_code"] }),
            json!({ "grant_types": [code] }),
        ),
        (
            json!({ "response_types": ["code", "code id_token", "none"] }),
            json!({ "response_types": ["code"] }),
        ),
        (
            json!({ "scope": "openid profile groups" }),
            json!({ "scope": "openid profile" }),
        ),
        (
            json!({ "scope": "offline_access address email" }),
            json!({ "scope": "email" }),
        ),
        (
            // A public client gets no tokens for itself.
            json!({ "grant_types": [code, "client_credentials"], "token_endpoint_auth_method": "none" }),
            json!({ "grant_types": [code], "token_endpoint_auth_method": "none" }),
        ),
        (
            json!({}),
            json!({ "grant_types": [code], "scope": "openid profile email" }),
        ),
    ] {
        assert_told(&metadata, &register(metadata.clone()), &expected);
    }
}

#[test]
fn where_nothing_is_left_it_is_refused() {
    for (metadata, member) in [
        (
            json!({ "grant_types": ["password", "implicit"] }),
            "grant_types",
        ),
        (json!({ "grant_types": [""] }), "grant_types"),
        (json!({ "response_types": ["token"] }), "response_types"),
        (
            json!({ "response_types": ["none", "id_token"] }),
            "response_types",
        ),
        (json!({ "scope": "groups" }), "scope"),
        (json!({ "scope": "read write" }), "scope"),
        (
            json!({ "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none" }),
            "token_endpoint_auth_method",
        ),
        // What is not what it must be is no list to choose from.
        (json!({ "scope": "openid  email" }), "scope"),
        (
            json!({ "grant_types": "authorization_code" }),
            "grant_types",
        ),
    ] {
        let answer = register(metadata.clone());
        let error = (400, "invalid_client_metadata".into());
        assert_eq!(answer.error(), error, "{metadata}");
        let reason = format!("client metadata: member `{member}` must be");
        assert!(
            answer.reason().starts_with(&reason),
            "{metadata}: {}",
            answer.reason()
        );
    }
    // A redirect URI more or less is another client.
    for bad in ["http://new.example/cb", "javascript:alert(1)", ""] {
        let answer = register(json!({ "redirect_uris": [CALLBACK, bad] }));
        assert_eq!(
            answer.error(),
            (400, "invalid_redirect_uri".into()),
            "{bad}"
        );
    }
}

#[test]
fn a_method_is_replaced_where_the_client_can_use_the_other() {
    let method = "token_endpoint_auth_method";
    let only = |methods: Value| {
        let mut policy = policy();
        policy["auth_methods"] = methods;
        policy
    };
    let (basic, post) = ("client_secret_basic", "client_secret_post");
    let keys = jwks(&[CLIENT_KEY]);
    for (methods, asked, more, expected) in [
        (json!([basic]), json!(post), json!({}), Some(basic)),
        (json!([post]), json!(basic), json!({}), Some(post)),
        (
            json!([basic]),
            json!("client_secret_jwt"),
            json!({}),
            Some(basic),
        ),
        (json!(["none", post]), json!(basic), json!({}), Some(post)),
        // What has no secret is not given one, and who has one does not go without.
        (json!([basic]), json!("none"), json!({}), None),
        (json!(["none"]), json!(basic), json!({}), None),
        (
            json!([basic]),
            json!("private_key_jwt"),
            json!({ "jwks": keys }),
            None,
        ),
        (json!([basic]), json!("tls_client_auth"), json!({}), None),
        // Left out, it is Basic, or else the first that fits.
        (json!(["none", basic]), json!(null), json!({}), Some(basic)),
        (json!(["none", post]), json!(null), json!({}), Some("none")),
        (json!([post, "none"]), json!(null), json!({}), Some(post)),
        (
            json!(["private_key_jwt", "none"]),
            json!(null),
            json!({}),
            Some("none"),
        ),
        (
            json!(["private_key_jwt", "none"]),
            json!(null),
            json!({ "jwks": keys }),
            Some("private_key_jwt"),
        ),
        (
            json!(["none"]),
            json!(null),
            json!({ "grant_types": ["client_credentials"] }),
            None,
        ),
        (json!(["private_key_jwt"]), json!(null), json!({}), None),
    ] {
        let mut metadata = json!({ "redirect_uris": [CALLBACK], method: asked });
        let members = metadata.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let answer = register_with(only(methods.clone()), &metadata);
        match expected {
            Some(expected) => {
                assert_told(&metadata, &answer, &json!({ method: expected }));
                let has_secret = answer.json()["client_secret"].is_string();
                assert_eq!(
                    has_secret,
                    expected.starts_with("client_secret"),
                    "{metadata}"
                );
            }
            None => {
                let error = (400, "invalid_client_metadata".into());
                assert_eq!(answer.error(), error, "{methods} {metadata}");
            }
        }
    }
}

#[test]
fn there_is_one_algorithm_and_the_answer_tells_it() {
    let id_token = "id_token_signed_response_alg";
    for asked in ["RS256", "ES256", "PS256", "none"] {
        let metadata = json!({ id_token: asked });
        let answer = register(metadata.clone());
        assert_told(&metadata, &answer, &json!({ id_token: "ES256" }));
    }
    let alg = "token_endpoint_auth_signing_alg";
    let method = "token_endpoint_auth_method";
    let by_key = json!({ alg: "RS256", method: "private_key_jwt", "jwks": jwks(&[CLIENT_KEY]) });
    let answer = register(by_key.clone());
    assert_told(&by_key, &answer, &json!({ alg: "ES256" }));
    // Nobody is told of what they do not use.
    let answer = register(json!({ alg: "RS256", "grant_types": ["client_credentials"] }));
    assert_eq!((answer.status(), answer.json().get(alg)), (201, None));
    assert_eq!(answer.json().get(id_token), None);
    // That people cannot be told apart elsewhere is a promise to them.
    let pairwise = register(json!({ "subject_type": "pairwise" }));
    assert_eq!(pairwise.error(), (400, "invalid_client_metadata".into()));
}

#[test]
fn keys_that_cannot_be_used_are_left_out_and_private_ones_refused() {
    let method = json!("private_key_jwt");
    let good = public_jwk(CLIENT_KEY);
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    let bad = json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" });
    let with = |keys: Value| {
        register(json!({ "token_endpoint_auth_method": method, "jwks": { "keys": keys } }))
    };
    let answer = with(json!([rsa, good, bad, 1]));
    let expected = json!({ "jwks": { "keys": [good] } });
    assert_told(&json!("keys"), &answer, &expected);
    let told = answer.log()["ignored_keys"].to_string();
    for part in ["key 1", "key 3", "key 4"] {
        assert!(told.contains(part), "{told}");
    }
    let private = serde_json::to_value(key(CLIENT_KEY, 0, 1).to_private_jwk()).unwrap();
    for keys in [
        json!([good, private]),
        json!([private]),
        json!([rsa]),
        json!([]),
    ] {
        let answer = with(keys);
        assert_eq!(answer.error(), (400, "invalid_client_metadata".into()));
    }
}

#[test]
fn names_show_as_what_they_are() {
    for character in [
        '\u{0}', '\u{7}', '\n', '\u{1b}', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}', '\u{61c}',
        '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2028}', '\u{2029}', '\u{2066}',
        '\u{2069}',
    ] {
        for name in [
            format!("{character}A"),
            format!("A{character}B"),
            format!("A{character}"),
        ] {
            let answer = register(json!({ "client_name": name }));
            let error = (400, "invalid_client_metadata".into());
            assert_eq!(answer.error(), error, "{name:?}");
            let reason = "client metadata: member `client_name` must be text without";
            assert!(answer.reason().starts_with(reason), "{name:?}");
        }
        // In another language it is not known, and so ignored.
        let answer = register(json!({ "client_name#de": format!("A{character}"), "x": character }));
        assert_eq!(answer.status(), 201, "{character:?}");
        // A record that was written before is read.
        let fixture = Fixture::new();
        fixture.register("app", |client| {
            client.client_name = Some(format!("A{character}"))
        });
        assert_eq!(fixture.token("").status(), 200, "{character:?}");
    }
    for name in [
        "Büro „1“ 🗝",
        "עברית",
        "العربية",
        "a b",
        "👩\u{200d}🔬",
        "\u{ad}",
    ] {
        assert_eq!(
            register(json!({ "client_name": name })).status(),
            201,
            "{name}"
        );
    }
}

const PAGES: [&str; 4] = ["client_uri", "logo_uri", "policy_uri", "tos_uri"];

#[test]
fn the_pages_of_a_client_are_kept_and_told() {
    let long = format!("https://new.example/{}", "p".repeat(2028));
    for member in PAGES {
        for uri in [
            "https://new.example",
            "https://new.example/about?x=1#part",
            "https://new.example/#/a@b",
            "http://127.0.0.1:8080/",
            &long,
        ] {
            let metadata = json!({ member: uri });
            assert_told(&metadata, &register(metadata.clone()), &metadata);
        }
        for uri in [
            json!(""),
            json!("http://new.example"),
            json!("javascript:alert(1)"),
            json!("data:text/html,x"),
            json!("com.example.app:/x"),
            json!("/about"),
            json!("https://user@new.example/"),
            json!("https://new.example/a b"),
            json!("https://new.example/#a#b"),
            json!("https://"),
            json!(1),
            json!([]),
            json!(format!("{long}p")),
        ] {
            let answer = register(json!({ member: uri }));
            let error = (400, "invalid_client_metadata".into());
            assert_eq!(answer.error(), error, "{member} {uri}");
            let reason = format!("client metadata: member `{member}` must be https, or");
            assert!(answer.reason().starts_with(&reason), "{}", answer.reason());
        }
    }
}

#[test]
fn the_login_application_is_told_of_the_pages() {
    let people = People::new();
    let plain = people.ask("app", "");
    let plain = people.login("/authorize/ticket", &json!({ "ticket": plain.ticket }));
    for member in PAGES {
        assert_eq!(plain.json().get(member), None);
    }
    people.register("app", |client| {
        client.client_uri = Some("https://app.example/".into());
        client.logo_uri = Some("https://app.example/logo.png".into());
        client.policy_uri = Some("https://app.example/privacy".into());
        client.tos_uri = Some("https://app.example/terms".into());
    });
    let asked = people.ask("app", "");
    let told = people.login("/authorize/ticket", &json!({ "ticket": asked.ticket }));
    for (member, uri) in PAGES.iter().zip(["", "logo.png", "privacy", "terms"]) {
        assert_eq!(told.json()[member], format!("https://app.example/{uri}"));
    }
}

#[test]
fn a_public_client_gets_no_grant_that_needs_credentials() {
    let code = GrantType::AuthorizationCode.name();
    let all = GrantType::ALL.map(GrantType::name);
    let policy = json!({ "grant_types": all, "auth_methods": ["none"], "scopes": "openid" });
    let of = |grant_types: Value| {
        json!({
            "redirect_uris": [CALLBACK], "grant_types": grant_types,
            "token_endpoint_auth_method": "none",
        })
    };
    let metadata = of(json!(all));
    let answer = register_with(policy.clone(), &metadata);
    let expected = json!({ "grant_types": [code, GrantType::RefreshToken.name()] });
    assert_told(&metadata, &answer, &expected);
    for grant_type in GrantType::ALL {
        let answer = register_with(policy.clone(), &of(json!([grant_type.name()])));
        let status = if grant_type.needs_credentials() {
            400
        } else {
            201
        };
        assert_eq!(answer.status(), status, "{grant_type:?}");
    }
}
