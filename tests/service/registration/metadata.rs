//! What clients may ask for, and what realms may let them (RFC 7591 §2, §3.2.2).

use super::*;

#[test]
fn a_realm_without_registration_has_no_such_endpoint() {
    let fixture = Fixture::new();
    let answer = fixture.send(&Request {
        content_type: Some("application/json"),
        ..post(REGISTER, "{}")
    });
    assert_eq!(answer.error(), (404, "not_found".into()));
    let metadata = |fixture: &Fixture| fixture.get("/.well-known/openid-configuration").json();
    assert_eq!(metadata(&fixture).get("registration_endpoint"), None);
    let url = json!(format!("{ISSUER}/register"));
    assert_eq!(
        metadata(&Registry::new().fixture)["registration_endpoint"],
        url
    );
}

#[test]
fn a_policy_that_is_wrong_is_a_503_that_says_why() {
    let good = json!({ "grant_types": ["authorization_code"], "auth_methods": ["none"] });
    let with = |member: &str, value: Value| and(good.clone(), json!({ member: value }));
    let grants = "member `grant_types` must be a list of grant types that are served";
    let methods = "member `auth_methods` must be a list of authentication methods";
    let scopes = "member `scopes` must be scope tokens other than client_registration";
    for (name, policy, reason) in [
        (
            "a text",
            json!("x"),
            "member `registration` must be a table",
        ),
        ("a list", json!([]), "member `registration` must be a table"),
        ("empty", json!({}), "member `grant_types` is missing"),
        (
            "no grants",
            with("grant_types", Value::Null),
            "member `grant_types` is missing",
        ),
        (
            "grants as a text",
            with("grant_types", json!("authorization_code")),
            grants,
        ),
        (
            "an unknown grant",
            with("grant_types", json!(["password"])),
            grants,
        ),
        (
            "no methods",
            with("auth_methods", Value::Null),
            "member `auth_methods` is missing",
        ),
        (
            "methods as a text",
            with("auth_methods", json!("none")),
            methods,
        ),
        (
            "an unknown method",
            with("auth_methods", json!(["client_secret_jwt"])),
            methods,
        ),
        ("scopes as a list", with("scopes", json!(["read"])), scopes),
        (
            "scopes with two spaces",
            with("scopes", json!("a  b")),
            scopes,
        ),
        (
            "the scope of registrars",
            with("scopes", json!("read client_registration")),
            scopes,
        ),
        (
            "a member too many",
            with("open", json!(true)),
            "member `open` is unknown",
        ),
    ] {
        let answer = Registry::with(policy).register(&with_codes());
        assert_eq!(
            answer.error(),
            (503, "temporarily_unavailable".into()),
            "{name}"
        );
        assert_eq!(
            answer.reason(),
            format!("realm `default`: {reason}"),
            "{name}"
        );
    }
    // Who names no method gets the one that is there.
    let registered = Registry::with(good.clone()).register(&with_codes());
    let method = &registered.json()["token_endpoint_auth_method"];
    assert_eq!((registered.status(), method), (201, &json!("none")));
    let public = and(
        with_codes(),
        json!({ "token_endpoint_auth_method": "none" }),
    );
    assert_eq!(Registry::with(good).register(&public).status(), 201);
}

#[test]
fn requests_that_are_none_are_refused() {
    let registry = Registry::new();
    let authorization = format!("Bearer {}", initial().text());
    let good = with_codes().to_string();
    let json = "application/json";
    for (name, method, content_type, body, error) in [
        ("GET", "GET", json, "", (405, "invalid_request")),
        ("PUT", "PUT", json, &*good, (405, "invalid_request")),
        (
            "a form",
            "POST",
            "application/x-www-form-urlencoded",
            &good,
            (400, "invalid_request"),
        ),
        ("no JSON", "POST", json, "{", (400, "invalid_request")),
        ("a list", "POST", json, "[]", (400, "invalid_request")),
        (
            "a member twice",
            "POST",
            json,
            r#"{"scope":"read","scope":"read"}"#,
            (400, "invalid_request"),
        ),
        (
            "a body too large",
            "POST",
            json,
            &"x".repeat(16_385),
            (413, "invalid_request"),
        ),
    ] {
        let answer = registry.send(&Request {
            method,
            authorization: Some(&authorization),
            content_type: Some(content_type),
            ..post(REGISTER, body)
        });
        assert_eq!(answer.error(), (error.0, error.1.into()), "{name}");
        let allow = (error.0 == 405).then_some("POST");
        assert_eq!(answer.header("allow"), allow, "{name}");
    }
    assert_eq!(registry.fixture.store.acts(), 0);
}

#[test]
fn redirect_uris_that_are_none_are_refused() {
    let registry = Registry::new();
    let at = |uri: &str| json!({ "redirect_uris": [uri] });
    for (name, metadata) in [
        ("nothing at all", json!({})),
        ("none for codes", json!({ "redirect_uris": [] })),
        ("by http", at("http://new.example/cb")),
        ("with a fragment", at("https://new.example/cb#x")),
        ("javascript", at("javascript:alert(1)")),
        ("data", at("data:text/html,x")),
        ("a scheme without a dot", at("newapp:/cb")),
        ("a path alone", at("/cb")),
        ("empty", at("")),
        ("with a user", at("https://user@new.example/cb")),
        ("with a space", at("https://new.example/c b")),
        ("with a wildcard host", at("https://")),
        (
            "a bad one among good ones",
            json!({ "redirect_uris": [CALLBACK, "http://x.example"] }),
        ),
        (
            "a bad one after sign-out",
            and(
                with_codes(),
                json!({ "post_logout_redirect_uris": ["http://x.example"] }),
            ),
        ),
        (
            "a bad one of a client without codes",
            and(for_itself(), at("http://x.example")),
        ),
    ] {
        let answer = registry.register(&metadata);
        assert_eq!(
            answer.error(),
            (400, "invalid_redirect_uri".into()),
            "{name}"
        );
        assert_eq!(
            answer.reason(),
            "client metadata: a redirect URI is none",
            "{name}"
        );
    }
    assert_eq!(registry.fixture.store.acts(), 0);
    for uri in [
        "http://127.0.0.1/cb",
        "http://localhost:8080/cb",
        "com.example.new:/cb",
    ] {
        assert_eq!(registry.register(&at(uri)).status(), 201, "{uri}");
    }
}

#[test]
fn metadata_that_cannot_be_had_is_refused_and_named() {
    let registry = Registry::with(json!({
        "grant_types": ["authorization_code", "client_credentials"],
        "auth_methods": ["client_secret_basic", "private_key_jwt", "tls_client_auth", "none"],
        "scopes": "read",
    }));
    let mut private = public_jwk(CLIENT_KEY);
    private["d"] = json!("AQAB");
    let keys = |keys: Value| json!({ "jwks": { "keys": keys } });
    let uris = vec![CALLBACK; 21];
    let own = |method: &str| {
        and(
            for_itself(),
            json!({ "token_endpoint_auth_method": method }),
        )
    };
    let long = "x".repeat(256);
    let text = "a text of 1 to 255 octets";
    let list = "a list of at most 20 texts";
    let here = "one that may be asked for here";
    let grants = "ones that may be asked for here";
    let boolean = "true or false";
    let set = "a JWK Set with 1 to 10 public keys for ES256";
    let method = "token_endpoint_auth_method";
    let bound = "tls_client_certificate_bound_access_tokens";
    let rows = [
        (
            "grant_types",
            grants,
            json!({ "grant_types": ["refresh_token"] }),
        ),
        (
            "grant_types",
            grants,
            json!({ "grant_types": ["password"] }),
        ),
        (
            "grant_types",
            grants,
            json!({ "grant_types": ["implicit"] }),
        ),
        (
            "grant_types",
            list,
            json!({ "grant_types": "authorization_code" }),
        ),
        ("grant_types", list, json!({ "grant_types": [1] })),
        (
            method,
            here,
            json!({ method: "self_signed_tls_client_auth" }),
        ),
        (method, here, json!({ method: "x" })),
        (method, here, json!({ method: 1 })),
        (method, here, own("none")),
        ("scope", here, json!({ "scope": "write admin" })),
        ("scope", here, json!({ "scope": "client_registration" })),
        ("scope", here, json!({ "scope": "read  read" })),
        ("scope", here, json!({ "scope": ["read"] })),
        (
            "response_types",
            "a list with code in it",
            json!({ "response_types": ["token"] }),
        ),
        (
            "response_types",
            "a list with code in it",
            json!({ "response_types": ["id_token", "code token"] }),
        ),
        ("response_types", list, json!({ "response_types": "code" })),
        ("redirect_uris", list, json!({ "redirect_uris": CALLBACK })),
        ("redirect_uris", list, json!({ "redirect_uris": [1] })),
        ("redirect_uris", list, json!({ "redirect_uris": uris })),
        (
            "post_logout_redirect_uris",
            list,
            json!({ "post_logout_redirect_uris": uris }),
        ),
        (
            "jwks_uri",
            "left out: keys are registered by jwks",
            json!({ "jwks_uri": CALLBACK }),
        ),
        (
            "jwks_uri",
            "left out: keys are registered by jwks",
            json!({ "jwks_uri": 1 }),
        ),
        ("jwks", set, own("private_key_jwt")),
        ("jwks", set, json!({ "jwks": "x" })),
        ("jwks", set, json!({ "jwks": [] })),
        ("jwks", set, json!({ "jwks": {} })),
        ("jwks", set, keys(json!([]))),
        ("jwks", set, keys(json!("x"))),
        ("jwks", set, keys(json!([private]))),
        (
            "jwks",
            set,
            keys(json!([{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }])),
        ),
        ("jwks", set, keys(json!([public_jwk(1), private]))),
        (
            "tls_client_auth_subject_dn",
            "the subject of its certificate",
            own("tls_client_auth"),
        ),
        (
            "tls_client_auth_subject_dn",
            text,
            json!({ "tls_client_auth_subject_dn": "" }),
        ),
        (
            "tls_client_auth_subject_dn",
            text,
            json!({ "tls_client_auth_subject_dn": 1 }),
        ),
        ("client_name", text, json!({ "client_name": long })),
        ("client_name", text, json!({ "client_name": "" })),
        ("client_name", text, json!({ "client_name": ["New"] })),
        (
            "dpop_bound_access_tokens",
            boolean,
            json!({ "dpop_bound_access_tokens": "true" }),
        ),
        (bound, boolean, json!({ bound: 1 })),
        (
            "id_token_signed_response_alg",
            text,
            json!({ "id_token_signed_response_alg": ["ES256"] }),
        ),
        (
            "subject_type",
            "public",
            json!({ "subject_type": "pairwise" }),
        ),
        ("subject_type", text, json!({ "subject_type": true })),
    ];
    for (member, expected, metadata) in &rows {
        let answer = registry.register(&and(with_codes(), metadata.clone()));
        assert_eq!(
            answer.error(),
            (400, "invalid_client_metadata".into()),
            "{metadata}"
        );
        let reason = format!("client metadata: member `{member}` must be {expected}");
        assert_eq!(answer.reason(), reason, "{metadata}");
        let told = &answer.json()["error_description"];
        assert_eq!(
            told,
            &json!(format!("The member {member} must be {expected}."))
        );
    }
    println!("{} metadata refused and named", rows.len());
    assert_eq!(registry.fixture.store.acts(), 0);
}

#[test]
fn what_clients_do_not_decide_has_no_effect() {
    let registry = Registry::new();
    let metadata = json!({
        "client_id": "registrar", "client_secret": "chosen", "secrets": [{ "id": "s1" }],
        "claims": { "role": "admin" }, "trusted": true, "disabled": true, "subject": "root",
        "audience": ["urn:api"], "resources": ["urn:api"], "access_token_ttl": 2_592_000,
        "default_scope": "write", "version": 7, "updated_by": "nobody",
        // RFC 7591 §2: "MUST ignore any client metadata sent by the client that it does not
        // understand".
        "client_name#de": "Neu\u{202e}", "client_uri#de": 1, "software_id": 1,
        "id_token_signed_response_alg": "ES256", "subject_type": "public",
        "token_endpoint_auth_signing_alg": "ES256",
    });
    let metadata = and(for_itself(), metadata);
    let plain = Registry::new().register(&for_itself()).json();
    let client = registry.register(&metadata).json();
    assert_eq!(client, plain);
    let text = |member: &str| client[member].as_str().unwrap().to_owned();
    let authorization = basic(&text("client_id"), &text("client_secret"));
    let answer = registry.fixture.token_as(&authorization, GRANT);
    let claims = answer.claims();
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&client["client_id"], &json!(ISSUER))
    );
    assert_eq!(
        (&claims["scope"], claims.get("role")),
        (&json!("read write"), None)
    );
    assert_eq!(answer.json()["expires_in"], 300);
    assert_eq!(
        registry
            .fixture
            .token_as(&basic(&text("client_id"), "chosen"), GRANT)
            .status(),
        401
    );
    // The registrar is who it was.
    assert_eq!(
        registry
            .fixture
            .token_as(&basic("registrar", SECRET), GRANT)
            .status(),
        200
    );
}
