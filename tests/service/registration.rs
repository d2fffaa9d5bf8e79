//! RFC 7591: who has an initial access token registers clients, within what the realm lets them
//! ask for.

mod metadata;

use std::cell::Cell;

use super::signed::*;
use super::*;

const REGISTER: &str = "/realms/default/register";
const CALLBACK: &str = "https://new.example/cb";
const GRANT: &str = "grant_type=client_credentials";

/// A realm where clients may be registered, and the client `registrar` that may do so.
struct Registry {
    fixture: Fixture,
    draws: Cell<u8>,
}

impl Registry {
    fn new() -> Self {
        Self::with(json!({
            "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
            "auth_methods": [
                "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth",
                "none",
            ],
            "scopes": "read write",
        }))
    }

    fn with(policy: Value) -> Self {
        let realm = json!({ "issuer": ISSUER, "registration": policy });
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("registrar", |client| {
            client.scope = ScopeSet::parse("client_registration read").unwrap();
        });
        let draws = Cell::new(0);
        Self { fixture, draws }
    }

    /// Sends with randomness that never repeats.
    fn send(&self, request: &Request<'_>) -> Answer {
        self.fixture.send_with("auth.example", request, &|octets| {
            self.draws.set(self.draws.get().wrapping_add(1));
            octets.fill(self.draws.get());
            Ok(())
        })
    }

    fn post(&self, authorization: &str, body: &str) -> Answer {
        self.send(&Request {
            authorization: Some(authorization).filter(|text| !text.is_empty()),
            content_type: Some("application/json"),
            ..post(REGISTER, body)
        })
    }

    /// Registers with a good token.
    fn register(&self, metadata: &Value) -> Answer {
        self.post(
            &format!("Bearer {}", initial().text()),
            &metadata.to_string(),
        )
    }
}

/// The token of a client that may register others, for whoever wants to bend it.
fn initial() -> Signed {
    Signed::access_token("registrar").claim("scope", "client_registration read")
}

fn with_codes() -> Value {
    json!({ "redirect_uris": [CALLBACK] })
}

fn for_itself() -> Value {
    json!({ "grant_types": ["client_credentials"] })
}

/// The metadata with more members.
fn and(mut metadata: Value, more: Value) -> Value {
    let members = metadata.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    metadata
}

#[test]
fn a_client_registers_and_gets_a_token_with_its_secret() {
    let registry = Registry::new();
    let registrar = basic("registrar", SECRET);
    let body = format!("{GRANT}&scope=client_registration");
    let token = registry.fixture.token_as(&registrar, &body).json();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let metadata = and(
        for_itself(),
        json!({ "client_name": "New", "scope": "read" }),
    );
    let answer = registry.post(&bearer, &metadata.to_string());
    assert_eq!(answer.status(), 201, "{}", answer.reason());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let client = answer.json();
    let (id, secret) = (
        client["client_id"].as_str().unwrap(),
        &client["client_secret"],
    );
    let secret = secret.as_str().unwrap();
    assert_eq!(
        client,
        json!({
            "client_id": id, "client_id_issued_at": NOW, "client_name": "New",
            "client_secret": secret, "client_secret_expires_at": 0,
            "grant_types": ["client_credentials"], "response_types": [], "scope": "read",
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [], "post_logout_redirect_uris": [],
            "dpop_bound_access_tokens": false, "tls_client_certificate_bound_access_tokens": false,
            "require_pushed_authorization_requests": false,
        })
    );
    let own = registry.fixture.token_as(&basic(id, secret), GRANT);
    assert_eq!(
        (&own.claims()["client_id"], &own.claims()["scope"]),
        (&json!(id), &json!("read"))
    );
    assert_eq!(
        registry.fixture.token_as(&basic(id, "x"), GRANT).status(),
        401
    );
    // What the log has of it.
    let log = answer.log();
    assert_eq!(
        (&log["outcome"], &log["status"]),
        (&json!("registered"), &json!(201))
    );
    assert_eq!(
        (&log["client_id"], &log["registered"]),
        (&json!("registrar"), &json!(id))
    );
    assert!(!log.to_string().contains(secret), "{log}");
    // Who was registered registers nobody.
    let token = own.json()["access_token"].as_str().unwrap().to_owned();
    let next = registry.post(&format!("Bearer {token}"), &for_itself().to_string());
    assert_eq!(next.error(), (403, "insufficient_scope".into()));
}

#[test]
fn what_is_left_out_has_the_defaults_of_rfc7591_2() {
    let answer = Registry::new().register(&with_codes()).json();
    for (member, value) in [
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("scope", json!("read write")),
        ("redirect_uris", json!([CALLBACK])),
    ] {
        assert_eq!(answer[member], value, "{member}");
    }
    assert!(answer["client_secret"].is_string());
    assert_eq!(
        (answer.get("client_name"), answer.get("jwks")),
        (None, None)
    );
}

#[test]
fn clients_of_each_method_can_be_registered_and_let_in() {
    let registry = Registry::new();
    let register = |method: &str, more: Value| {
        let more = and(more, json!({ "token_endpoint_auth_method": method }));
        let answer = registry.register(&and(for_itself(), more));
        assert_eq!(answer.status(), 201, "{method}: {}", answer.reason());
        let client = answer.json();
        (client["client_id"].as_str().unwrap().to_owned(), client)
    };
    let status = |request: &Request<'_>| registry.fixture.send(request).status();

    let (id, client) = register("client_secret_post", json!({}));
    let secret = client["client_secret"].as_str().unwrap();
    let form = format!("{GRANT}&client_id={id}&client_secret={secret}");
    assert_eq!(status(&post("/token", &form)), 200);

    let (id, client) = register("private_key_jwt", json!({ "jwks": jwks(&[CLIENT_KEY]) }));
    assert_eq!(
        (client.get("client_secret"), &client["jwks"]),
        (None, &jwks(&[CLIENT_KEY]))
    );
    assert_eq!(client.get("client_secret_expires_at"), None);
    let form = format!("{GRANT}{}", presented(&Signed::assertion(&id).text()));
    assert_eq!(status(&post("/token", &form)), 200);

    let subject = "CN=new";
    let (id, client) = register(
        "tls_client_auth",
        json!({ "tls_client_auth_subject_dn": subject }),
    );
    assert_eq!(client.get("client_secret"), None);
    let certificate = ClientCertificate {
        verified: "SUCCESS",
        subject_dn: subject,
        ..Default::default()
    };
    let form = format!("{GRANT}&client_id={id}");
    let request = Request {
        connection: Some(&certificate),
        ..post("/token", &form)
    };
    assert_eq!(status(&request), 200);
}

#[test]
fn a_public_client_is_registered_for_codes_and_has_no_secret() {
    let registry = Registry::new();
    let metadata = and(
        with_codes(),
        json!({
            "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true,
            "grant_types": ["authorization_code", "refresh_token"],
            "post_logout_redirect_uris": ["com.example.new:/bye"],
        }),
    );
    let answer = registry.register(&metadata);
    assert_eq!(answer.status(), 201, "{}", answer.reason());
    let client = answer.json();
    assert_eq!(client.get("client_secret"), None);
    for (member, value) in metadata.as_object().unwrap() {
        assert_eq!(&client[member], value, "{member}");
    }
}

#[test]
fn every_client_has_an_id_and_a_secret_of_its_own() {
    let registry = Registry::new();
    let [a, b] = [(); 2].map(|()| registry.register(&with_codes()).json());
    assert_ne!(a["client_id"], b["client_id"]);
    assert_ne!(a["client_secret"], b["client_secret"]);
}

#[test]
fn only_who_may_register_registers() {
    let registry = Registry::new();
    registry.fixture.register("disabled", |client| {
        client.scope = ScopeSet::parse("client_registration").unwrap();
        client.disabled = true;
    });
    registry.fixture.register("demoted", |_| ());
    registry.fixture.register("regranted", |client| {
        client.scope = ScopeSet::parse("client_registration").unwrap();
        client.grant_types = vec!["client_authenticated_user".to_owned()];
    });
    registry
        .fixture
        .register("bound", |client| client.dpop_bound_access_tokens = true);
    let bearer = |token: Signed| format!("Bearer {}", token.text());
    let of = |id: &str| bearer(initial().claim("client_id", id).claim("sub", id));
    let id_token = initial().without("jti").header("typ", "JWT");
    let bound = initial().claim("cnf", json!({ "jkt": kid(CLIENT_KEY) }));
    let invalid = (401, "invalid_token");
    let lacking = (403, "insufficient_scope");
    let token = |why: &str| format!("invalid access token: {why}");
    let scope = "the access token lacks the scope client_registration".to_owned();
    let not_ours = token("not one of this realm");
    let gone = token("its client is disabled or gone");
    let elsewhere = token("not for this service");
    let none = "no bearer token".to_owned();
    let rows = [
        ("none", String::new(), invalid, none.clone()),
        ("a secret", basic("registrar", SECRET), invalid, none),
        (
            "an empty token",
            "Bearer ".to_owned(),
            invalid,
            not_ours.clone(),
        ),
        (
            "garbage",
            "Bearer x.y.z".to_owned(),
            invalid,
            not_ours.clone(),
        ),
        (
            "a forged one",
            bearer(initial().signed_by(22)),
            invalid,
            not_ours.clone(),
        ),
        (
            "one of an unknown key",
            bearer(initial().header("kid", "x")),
            invalid,
            not_ours.clone(),
        ),
        ("an ID token", bearer(id_token), invalid, not_ours.clone()),
        (
            "another issuer's",
            bearer(initial().claim("iss", "https://x.example")),
            invalid,
            not_ours.clone(),
        ),
        (
            "expired",
            bearer(initial().claim("exp", NOW)),
            invalid,
            token("expired"),
        ),
        (
            "another audience",
            bearer(initial().claim("aud", "urn:api")),
            invalid,
            elsewhere.clone(),
        ),
        (
            "other audiences",
            bearer(initial().claim("aud", json!(["urn:a", "urn:b"]))),
            invalid,
            elsewhere.clone(),
        ),
        (
            "no audience",
            bearer(initial().without("aud")),
            invalid,
            elsewhere,
        ),
        (
            "another scope",
            bearer(initial().claim("scope", "read")),
            lacking,
            scope.clone(),
        ),
        (
            "no scope",
            bearer(initial().without("scope")),
            lacking,
            scope.clone(),
        ),
        (
            "a longer scope",
            bearer(initial().claim("scope", "client_registrations")),
            lacking,
            scope,
        ),
        ("a disabled client's", of("disabled"), invalid, gone.clone()),
        ("a deleted client's", of("deleted"), invalid, gone),
        (
            "one that lost the scope",
            of("demoted"),
            invalid,
            token("its client may not register any more"),
        ),
        (
            "one that gets no tokens for itself",
            of("regranted"),
            invalid,
            token("its client may not register any more"),
        ),
        (
            "a person's",
            bearer(initial().claim("sub", "ann")),
            invalid,
            token("a person's"),
        ),
        (
            "one of a family that is none",
            bearer(initial().claim("sid", "x")),
            invalid,
            not_ours.clone(),
        ),
        (
            "nobody's",
            bearer(initial().without("client_id")),
            invalid,
            not_ours,
        ),
        (
            "a key holder's",
            bearer(bound),
            invalid,
            token("bound to a key, or not"),
        ),
    ];
    for (name, authorization, (status, error), reason) in rows {
        let answer = registry.post(&authorization, &with_codes().to_string());
        assert_eq!(answer.error(), (status, error.into()), "{name}");
        assert_eq!(answer.reason(), reason, "{name}");
        let challenge = match &*reason {
            "no bearer token" => r#"Bearer realm="default""#.to_owned(),
            _ => format!(r#"Bearer realm="default", error="{error}""#),
        };
        assert_eq!(
            answer.header("www-authenticate"),
            Some(&*challenge),
            "{name}"
        );
        assert_eq!(answer.log()["outcome"], "rejected", "{name}");
    }
    assert_eq!(registry.fixture.store.acts(), 0);
    // One for this service among others will do.
    let among = bearer(initial().claim("aud", json!(["urn:api", ISSUER])));
    assert_eq!(
        registry.post(&among, &with_codes().to_string()).status(),
        201
    );
}

#[test]
fn a_token_of_another_realm_registers_nobody() {
    let policy = json!({
        "grant_types": ["client_credentials"], "auth_methods": ["client_secret_basic"],
    });
    let realm = |name: &str| {
        let issuer = format!("https://auth.example/realms/{name}");
        json!({ "issuer": issuer, "registration": policy })
    };
    let realms = json!({ "default": realm("default"), "other": realm("other") });
    let mut registry = Registry::new();
    registry.fixture.service = Fixture::configured(realms, &secrets()).service;
    registry
        .fixture
        .register_in("other", "registrar", |client| {
            client.scope = ScopeSet::parse("client_registration").unwrap();
        });
    let token = registry.fixture.send(&Request {
        authorization: Some(&basic("registrar", SECRET)),
        ..post("/realms/other/token", GRANT)
    });
    let bearer = format!("Bearer {}", token.json()["access_token"].as_str().unwrap());
    let at = |path| {
        let body = for_itself().to_string();
        registry.send(&Request {
            authorization: Some(&bearer),
            content_type: Some("application/json"),
            ..post(path, &body)
        })
    };
    assert_eq!(at(REGISTER).error(), (401, "invalid_token".into()));
    assert_eq!(at("/realms/other/register").status(), 201);
}

#[test]
fn a_key_holder_registers_by_proof() {
    let registry = Registry::new();
    let token = initial()
        .claim("cnf", json!({ "jkt": kid(CLIENT_KEY) }))
        .text();
    let send = |proof: &str| {
        registry.send(&Request {
            authorization: Some(&format!("DPoP {token}")),
            content_type: Some("application/json"),
            dpop: Some(proof),
            ..post(REGISTER, &with_codes().to_string())
        })
    };
    let first = send("x");
    assert_eq!(first.error(), (401, "invalid_dpop_proof".into()));
    let proof = Signed::proof(
        &format!("{ISSUER}/register"),
        first.header("dpop-nonce").unwrap(),
    );
    assert_eq!(
        send(&proof.clone().without("nonce").text()).error(),
        (401, "use_dpop_nonce".into())
    );
    let proof = proof.claim("ath", ath(&token)).text();
    assert_eq!(send(&proof).status(), 201);
    assert_eq!(
        send(&proof).reason(),
        "DPoP proof: its `jti` was used before"
    );
}

#[test]
fn storage_that_fails_is_a_503_and_nobody_is_registered() {
    let (failing, working) = (Registry::new(), Registry::new());
    failing.fixture.store.fail_acts(Some(StoreError::Timeout));
    let answer = failing.register(&for_itself());
    assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
    assert_eq!(answer.log()["outcome"], "failed");
    assert_eq!(answer.log().get("registered"), None);
    // Of the same randomness comes the same client.
    let client = working.register(&for_itself()).json();
    let text = |member: &str| client[member].as_str().unwrap().to_owned();
    let authorization = basic(&text("client_id"), &text("client_secret"));
    failing.fixture.store.fail_acts(None);
    assert_eq!(
        working.fixture.token_as(&authorization, GRANT).status(),
        200
    );
    let unknown = failing.fixture.token_as(&authorization, GRANT);
    assert_eq!(unknown.reason(), "unknown client");
    // A registrar whose record cannot be read is not one that is gone.
    let id = ClientId::parse("registrar").unwrap();
    failing.fixture.put(&id, Err(StoreError::Timeout));
    assert_eq!(failing.register(&for_itself()).error().0, 503);
}
