//! Each of the four systems' own requests, and what its document says of the answer; and a fifth
//! dialect that nothing but its value knows.

use edge_token::dialect::{DefaultAudience, Dialect, Endpoint, JwtIdForm, RFC9068, Source};
use edge_token::time::Seconds;

use super::*;

/// The type of a member, as the documents show it.
#[derive(Clone, Copy)]
enum Is {
    Fixed(&'static str),
    Number(u64),
    False,
    Text,
    Uuid,
    List,
}

fn assert_members(object: &Value, members: &[(&str, Is)]) {
    let mut expected = members.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let mut names = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>();
    expected.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, expected);
    for (name, is) in members {
        let value = &object[*name];
        let right = match is {
            Is::Fixed(text) => value == text,
            Is::Number(number) => value == number,
            Is::False => value == false,
            Is::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Is::List => value.is_array(),
            // RFC 9562 §5.4: version 4, variant 10.
            Is::Uuid => value.as_str().is_some_and(|text| {
                let pattern = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
                text.len() == pattern.len()
                    && text
                        .chars()
                        .zip(pattern.chars())
                        .all(|(char, place)| match place {
                            'x' => matches!(char, '0'..='9' | 'a'..='f'),
                            'y' => matches!(char, '8' | '9' | 'a' | 'b'),
                            fixed => char == fixed,
                        })
            }),
        };
        assert!(right, "{name}: {value}");
    }
}

/// The realms of the demo, from wrangler.toml, whose tables are one line a member here.
fn demo() -> Fixture {
    let realms = json!({
        "dx": {
            "dialect": "keycloak",
            "issuer": "https://auth.example/realms/dx",
            "refresh_expires_in": 1800,
        },
        "provider": {
            "dialect": "keycloak",
            "issuer": "https://auth.example/auth/realms/provider",
            "session_state": true,
            "claims": { "allowed-origins": ["*"] },
        },
        "screening-eagle": {
            "dialect": "screening-eagle",
            "issuer": "https://auth.example/realms/screening-eagle",
            "iss": "Screening Eagle ID",
        },
        "light-oauth2": {
            "dialect": "light-oauth2",
            "issuer": "https://auth.example/realms/light-oauth2",
            "iss": "urn:com:networknt:oauth2:v1",
            "audience": ["urn:com.networknt"],
        },
    });
    Fixture::configured(realms, &secrets())
}

/// Sends a document's request, with its own credentials, to its realm.
fn seed(
    realm: &str,
    path: &str,
    authorization: &str,
    body: &str,
    change: impl FnOnce(&mut Client),
) -> Answer {
    let fixture = demo();
    let credentials = authorization.strip_prefix("Basic ").unwrap();
    let decoded = STANDARD
        .decode(credentials)
        .map(|octets| String::from_utf8(octets).unwrap());
    let credentials = decoded.unwrap_or(credentials.to_owned());
    let (id, secret) = credentials.split_once(':').unwrap();
    fixture.register_in(realm, id, |client| {
        client.secrets = vec![stored_secret("s1", secret)];
        change(client);
    });
    fixture.send(&Request {
        authorization: Some(authorization),
        client_address: Some("10.130.4.158"),
        ..post(path, body)
    })
}

fn scope(text: &'static str) -> impl FnOnce(&mut Client) {
    |client| client.scope = ScopeSet::parse(text).unwrap()
}

#[test]
fn seed_1_gtt() {
    let answer = seed(
        "dx",
        "/realms/dx/protocol/openid-connect/token",
        "Basic YXBwMTp4eXoxMjM=",
        "grant_type=client_credentials",
        scope("email profile"),
    );
    assert_members(
        &answer.json(),
        &[
            ("access_token", Is::Text),
            ("expires_in", Is::Number(300)),
            ("refresh_expires_in", Is::Number(1800)),
            ("token_type", Is::Fixed("Bearer")),
            ("not-before-policy", Is::Number(0)),
            ("scope", Is::Fixed("email profile")),
        ],
    );
    assert_eq!(answer.claims()["iss"], "https://auth.example/realms/dx");
}

#[test]
fn seed_2_screening_eagle() {
    let answer = seed(
        "screening-eagle",
        "/api/id/v1/auth/token",
        &basic("integration-dev-VNZQqDt4Hv", "secret"),
        "grant_type=client_credentials&scope=openid%20email%20profile%20inspect",
        |client| {
            scope("openid email profile inspect")(client);
            client.subject = Some("1302".into());
            let claims = json!({ "scopes": ["user"], "userID": 1302, "userRegion": "SG" });
            client.claims = claims.as_object().unwrap().clone();
        },
    );
    assert_members(
        &answer.json(),
        &[
            ("scope", Is::Fixed("openid email profile inspect")),
            ("token_type", Is::Fixed("Bearer")),
            ("access_token", Is::Text),
            ("expires_in", Is::Number(604_800)),
        ],
    );
    let (header, claims) = answer.access_token();
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("JWT"))
    );
    assert_members(
        &claims,
        &[
            ("aud", Is::Fixed("integration-dev-VNZQqDt4Hv")),
            ("exp", Is::Number(NOW + 604_800)),
            ("jti", Is::Uuid),
            ("iat", Is::Number(NOW)),
            ("iss", Is::Fixed("Screening Eagle ID")),
            ("sub", Is::Fixed("1302")),
            ("scp", Is::Fixed("openid email profile inspect")),
            ("scopes", Is::List),
            ("userID", Is::Number(1302)),
            ("userRegion", Is::Fixed("SG")),
            ("client_id", Is::Fixed("integration-dev-VNZQqDt4Hv")),
        ],
    );
}

#[test]
fn seed_3_banfico() {
    let answer = seed(
        "provider",
        "/auth/realms/provider/protocol/openid-connect/token",
        "Basic Y29wLWNsaWVudC1pZDpjb3AtY2xpZW50LXNlY3JldA==",
        "grant_type=client_credentials",
        |client| {
            scope("profile offline_access email")(client);
            client.grant_types.push("refresh_token".into());
        },
    );
    assert_members(
        &answer.json(),
        &[
            ("access_token", Is::Text),
            ("expires_in", Is::Number(300)),
            ("refresh_expires_in", Is::Number(0)),
            ("refresh_token", Is::Text),
            ("token_type", Is::Fixed("Bearer")),
            ("not-before-policy", Is::Number(0)),
            ("session_state", Is::Uuid),
            ("scope", Is::Fixed("profile offline_access email")),
        ],
    );
    let (header, claims) = answer.access_token();
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("JWT"))
    );
    assert_eq!(header["kid"], key(1, 0, 1).kid().as_str());
    assert_eq!(claims["session_state"], answer.json()["session_state"]);
    assert_members(
        &claims,
        &[
            ("exp", Is::Number(NOW + 300)),
            ("iat", Is::Number(NOW)),
            ("jti", Is::Uuid),
            (
                "iss",
                Is::Fixed("https://auth.example/auth/realms/provider"),
            ),
            ("aud", Is::Fixed("cop-client-id")),
            ("sub", Is::Text),
            ("typ", Is::Fixed("Bearer")),
            ("azp", Is::Fixed("cop-client-id")),
            ("session_state", Is::Uuid),
            ("sid", Is::Uuid),
            ("acr", Is::Fixed("1")),
            ("allowed-origins", Is::List),
            ("scope", Is::Fixed("profile offline_access email")),
            ("email_verified", Is::False),
            ("clientHost", Is::Fixed("10.130.4.158")),
            ("clientId", Is::Fixed("cop-client-id")),
            ("clientAddress", Is::Fixed("10.130.4.158")),
            (
                "preferred_username",
                Is::Fixed("service-account-cop-client-id"),
            ),
            ("client_id", Is::Fixed("cop-client-id")),
        ],
    );
}

#[test]
fn seed_4_light_oauth2() {
    // Without base64, as the document has it.
    let answer = seed(
        "light-oauth2",
        "/oauth2/token",
        "Basic f7d42348-c647-4efb-a52d-4c5787421e72:f6h1FTI8Q3-7UScPZDzfXA",
        "grant_type=client_credentials",
        scope("petstore.r petstore.w"),
    );
    assert_members(
        &answer.json(),
        &[
            ("access_token", Is::Text),
            ("token_type", Is::Fixed("bearer")),
            ("expires_in", Is::Number(600)),
        ],
    );
    let (header, claims) = answer.access_token();
    assert_eq!(
        header,
        json!({ "alg": "ES256", "kid": key(1, 0, 1).kid().as_str() })
    );
    assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
    assert_eq!(claims["scope"], json!(["petstore.r", "petstore.w"]));
    assert_members(
        &claims,
        &[
            ("iss", Is::Fixed("urn:com:networknt:oauth2:v1")),
            ("aud", Is::Fixed("urn:com.networknt")),
            ("exp", Is::Number(NOW + 600)),
            ("jti", Is::Text),
            ("iat", Is::Number(NOW)),
            ("nbf", Is::Number(NOW - 120)),
            ("version", Is::Fixed("1.0")),
            ("client_id", Is::Text),
            ("scope", Is::List),
        ],
    );
}

#[test]
fn errors_have_the_names_and_statuses_of_the_dialect() {
    let fixture = demo();
    for realm in ["dx", "screening-eagle", "light-oauth2"] {
        fixture.register_in(realm, "no-grant", |client| client.grant_types.clear());
    }
    let authorization = basic("no-grant", SECRET);
    let good = post("", "grant_type=client_credentials");
    for (path, member, no_grant, json_body) in [
        (
            "/realms/dx/protocol/openid-connect/token",
            "error_description",
            403,
            415,
        ),
        ("/api/id/v1/auth/token", "errorDescription", 403, 400),
        ("/oauth2/token", "error_description", 400, 400),
    ] {
        let request = Request {
            path,
            authorization: Some(&authorization),
            ..good
        };
        let answer = fixture.send(&request);
        assert_eq!(
            answer.error(),
            (no_grant, "unauthorized_client".into()),
            "{path}"
        );
        assert!(
            answer.json()[member].is_string(),
            "{}",
            answer.response.body
        );
        assert_eq!(answer.json().as_object().unwrap().len(), 2);
        let content_type = Some("application/json");
        let answer = fixture.send(&Request {
            content_type,
            ..request
        });
        assert_eq!(
            answer.error(),
            (json_body, "invalid_request".into()),
            "{path}"
        );
        assert_eq!(
            fixture
                .send(&Request {
                    method: "GET",
                    ..request
                })
                .status(),
            405,
            "{path}"
        );
    }
}

#[test]
fn basic_without_base64_is_for_light_oauth2_alone() {
    let fixture = demo();
    for realm in ["dx", "light-oauth2"] {
        fixture.register_in(realm, "app", |client| {
            client.secrets = vec![stored_secret("s1", "x")]
        });
    }
    for (path, authorization, status) in [
        ("/oauth2/token", "Basic app:x", 200),
        ("/oauth2/token", "Basic YXBwOng=", 200),
        ("/oauth2/token", "Basic app:wrong", 401),
        ("/oauth2/token", "Basic app", 401),
        (
            "/realms/dx/protocol/openid-connect/token",
            "Basic app:x",
            401,
        ),
        (
            "/realms/dx/protocol/openid-connect/token",
            "Basic YXBwOng=",
            200,
        ),
    ] {
        let request = post(path, "grant_type=client_credentials");
        let answer = fixture.send(&Request {
            authorization: Some(authorization),
            ..request
        });
        assert_eq!(answer.status(), status, "{path} {authorization}");
    }
}

#[test]
fn keycloak_refuses_who_does_not_accept_json() {
    let fixture = demo();
    for realm in ["dx", "light-oauth2"] {
        fixture.register_in(realm, "app", |_| ());
    }
    let authorization = basic("app", SECRET);
    for (accept, status) in [
        (None, 200),
        (Some("*/*"), 200),
        (Some("application/json"), 200),
        (Some("text/html, application/*;q=0.1"), 200),
        (Some("text/html;q=0.9, Application/JSON; q=0.001"), 200),
        (Some("text/html"), 406),
        (Some(""), 406),
        (Some("application/json;q=0, */*"), 406),
        (Some("application/xml, */*;q=0.0"), 406),
    ] {
        for (path, status) in [
            ("/realms/dx/protocol/openid-connect/token", status),
            ("/oauth2/token", 200),
        ] {
            let request = post(path, "grant_type=client_credentials");
            let authorization = Some(&*authorization);
            let answer = fixture.send(&Request {
                accept,
                authorization,
                ..request
            });
            assert_eq!(answer.status(), status, "{accept:?} {path}");
        }
    }
}

#[test]
fn documents_are_where_the_original_has_them() {
    let fixture = demo();
    for (path, status) in [
        ("/realms/dx/protocol/openid-connect/certs", 200),
        ("/auth/realms/dx/protocol/openid-connect/certs", 200),
        ("/realms/dx/.well-known/openid-configuration", 200),
        (
            "/auth/realms/provider/.well-known/openid-configuration",
            200,
        ),
        ("/realms/dx", 200),
        ("/auth/realms/provider", 200),
        ("/realms/dx/jwks", 404),
        ("/realms/light-oauth2/jwks", 200),
        ("/realms/screening-eagle/jwks", 200),
        // Their `iss` is a name and no URL, so there is no metadata (RFC 8414 §3.3).
        ("/realms/light-oauth2/.well-known/openid-configuration", 404),
        (
            "/realms/screening-eagle/.well-known/openid-configuration",
            404,
        ),
    ] {
        assert_eq!(fixture.get(path).status(), status, "{path}");
    }
    for (issuer, path) in [
        ("https://auth.example/realms/dx", "/realms/dx"),
        (
            "https://auth.example/auth/realms/provider",
            "/auth/realms/provider",
        ),
    ] {
        let metadata = fixture
            .get(&format!("{path}/.well-known/openid-configuration"))
            .json();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(
            metadata["token_endpoint"],
            format!("{issuer}/protocol/openid-connect/token")
        );
        assert_eq!(
            metadata["jwks_uri"],
            format!("{issuer}/protocol/openid-connect/certs")
        );
    }
}

#[test]
fn the_page_of_a_keycloak_realm_has_its_public_key() {
    use p256::pkcs8::DecodePublicKey as _;

    let page = demo().get("/realms/dx").json();
    assert_eq!(page["realm"], "dx");
    assert_eq!(page["tokens-not-before"], 0);
    let der = STANDARD
        .decode(page["public_key"].as_str().unwrap())
        .unwrap();
    let key = p256::ecdsa::VerifyingKey::from_public_key_der(&der).unwrap();
    assert_eq!(
        key,
        *p256::ecdsa::SigningKey::from_slice(&[1; 32])
            .unwrap()
            .verifying_key()
    );
}

#[test]
fn no_claim_of_a_record_or_realm_takes_the_place_of_the_dialects() {
    let realms = json!({
        "dx": {
            "dialect": "keycloak",
            "issuer": "https://auth.example/realms/dx",
            "claims": { "clientId": "realm", "tier": "realm", "region": "realm" },
        },
    });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register_in("dx", "app", |client| {
        let claims = json!({ "preferred_username": "root", "clientId": "root", "tier": "record" });
        client.claims = claims.as_object().unwrap().clone();
    });
    let authorization = basic("app", SECRET);
    let request = post(
        "/realms/dx/protocol/openid-connect/token",
        "grant_type=client_credentials",
    );
    let answer = fixture.send(&Request {
        authorization: Some(&authorization),
        ..request
    });
    let claims = answer.claims();
    assert_eq!(claims["preferred_username"], "service-account-app");
    assert_eq!(claims["clientId"], "app");
    assert_eq!(claims["tier"], "record");
    assert_eq!(claims["region"], "realm");
}

/// What nobody speaks.
static ESPERANTO: Dialect = Dialect {
    name: "esperanto",
    paths: &[
        (Endpoint::Token, "/{realm}/jetono"),
        (Endpoint::Jwks, "/{realm}/shlosiloj"),
    ],
    default_realm_paths: &[],
    access_token_ttl: Seconds(77),
    access_token_typ: Some("jetono"),
    not_before: Some(Seconds(1)),
    jti: JwtIdForm::Uuid,
    claims: &[
        ("eldonanto", Source::Issuer),
        ("por", Source::Audience),
        ("id", Source::JwtId),
    ],
    default_audience: DefaultAudience::Client,
    id_token_claims: &[],
    profile_claims: &[],
    code_ttl: Seconds(60),
    redirect_uri_optional: false,
    refreshes_client_credentials: false,
    has_client_authenticated_user: false,
    response: &[
        ("jetono", Source::AccessToken),
        ("access_token", Source::AccessToken),
    ],
    error_description: "klarigo",
    statuses: &[(edge_token::error_code::ErrorCode::InvalidClient, 418)],
    adds_default_scope: false,
    auth_method: edge_token::auth_method::AuthMethod::ClientSecretBasic,
    unencoded_basic: false,
    refuses_other_media_types: false,
};

#[test]
fn a_fifth_dialect_is_one_value() {
    let realms = json!({
        "mondo": { "dialect": "esperanto", "issuer": "https://auth.example/x", "iss": "mondo" },
    });
    let secrets = secrets();
    let fixture = Fixture {
        service: Service::with_dialects(
            &[("REALMS".to_owned(), realms.to_string())],
            &|name| secrets.get(name).cloned(),
            &[&RFC9068, &ESPERANTO],
        ),
        ..Fixture::new()
    };
    fixture.register_in("mondo", "app", |_| ());
    let authorization = basic("app", SECRET);
    let request = Request {
        authorization: Some(&authorization),
        ..post("/mondo/jetono", "grant_type=client_credentials")
    };
    let answer = fixture.send(&request);
    let (header, mut claims) = answer.access_token();
    assert_eq!(header["typ"], "jetono");
    claims["id"] = Value::Null;
    assert_eq!(
        claims,
        json!({
            "eldonanto": "mondo", "por": "app", "id": null,
            "iat": NOW, "nbf": NOW - 1, "exp": NOW + 77,
        })
    );
    let answer = fixture.send(&Request {
        authorization: None,
        ..request
    });
    assert_eq!(answer.error(), (418, "invalid_client".into()));
    assert!(answer.json()["klarigo"].is_string());
    assert_eq!(fixture.get("/mondo/shlosiloj").status(), 200);
}
