//! RFC 7517, RFC 8414 and `/health`: what anybody may read.

use super::*;

const JWKS: [&str; 2] = ["/.well-known/jwks.json", "/realms/default/jwks"];
const METADATA: [&str; 5] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/realms/default/.well-known/openid-configuration",
    "/.well-known/openid-configuration/realms/default",
    "/.well-known/oauth-authorization-server/realms/default",
];

#[test]
fn the_jwk_set_has_public_members_only() {
    let fixture = Fixture::new();
    for path in JWKS {
        let body = fixture.get(path).json();
        let keys = body["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1);
        let mut members = keys[0].as_object().unwrap().keys().collect::<Vec<_>>();
        members.sort();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!(keys[0]["kid"], key(1, 0, 1).kid().as_str());
    }
}

#[test]
fn keys_of_both_slots_are_published_until_they_end() {
    let (old, new, over) = (
        key(1, NOW - 9, NOW + 9),
        key(2, NOW + 5, NOW + 99),
        key(3, 1, NOW),
    );
    let secrets = HashMap::from([
        ("SIGNING_KEYS", jwk_set(&[&old, &over])),
        ("SIGNING_KEYS_NEXT", jwk_set(&[&new])),
    ]);
    let mut fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
    for (now, expected) in [(NOW, vec![&old, &new]), (NOW + 9, vec![&new])] {
        fixture.now = UnixTime::from_seconds(now);
        let body = fixture.get(JWKS[0]).json();
        let kids = body["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap());
        assert_eq!(
            kids.collect::<Vec<_>>(),
            expected
                .iter()
                .map(|key| key.kid().as_str())
                .collect::<Vec<_>>()
        );
    }
    fixture.now = UnixTime::from_seconds(NOW + 99);
    assert_eq!(
        fixture.get(JWKS[0]).error(),
        (503, "temporarily_unavailable".into())
    );
}

#[test]
fn the_metadata_names_the_configured_issuer_and_only_what_works() {
    let realms = json!({ "default": { "issuer": ISSUER, "scopes": "read write" } });
    let fixture = Fixture::configured(realms, &secrets());
    for path in METADATA {
        assert_eq!(
            fixture.get(path).json(),
            json!({
                "issuer": ISSUER,
                "token_endpoint": format!("{ISSUER}/token"),
                "jwks_uri": format!("{ISSUER}/jwks"),
                "scopes_supported": ["read", "write"],
                "response_types_supported": [],
                "grant_types_supported":
                    ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"],
                "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
                "introspection_endpoint": format!("{ISSUER}/introspect"),
                "introspection_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"],
                "introspection_endpoint_auth_signing_alg_values_supported": ["ES256"],
                "revocation_endpoint": format!("{ISSUER}/revoke"),
                "revocation_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"],
                "revocation_endpoint_auth_signing_alg_values_supported": ["ES256"],
                "dpop_signing_alg_values_supported": ["ES256"],
                "tls_client_certificate_bound_access_tokens": true,
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }),
            "{path}"
        );
    }
}

#[test]
fn an_issuer_at_the_root_names_endpoints_that_exist() {
    let realms = json!({ "default": { "issuer": "https://auth.example" } });
    let fixture = Fixture::configured(realms, &secrets());
    let metadata = fixture.get("/.well-known/openid-configuration").json();
    assert_eq!(metadata["issuer"], "https://auth.example");
    let jwks_uri = metadata["jwks_uri"].as_str().unwrap();
    let path = jwks_uri.strip_prefix("https://auth.example").unwrap();
    assert_eq!(fixture.get(path).status(), 200);
}

#[test]
fn only_the_realm_default_is_at_the_root() {
    let realms = json!({ "other": { "issuer": "https://auth.example/realms/other" } });
    let fixture = Fixture::configured(realms, &secrets());
    for path in [JWKS[0], METADATA[0], METADATA[1]] {
        assert_eq!(fixture.get(path).status(), 404, "{path}");
    }
    let path = "/realms/other/.well-known/openid-configuration";
    assert_eq!(
        fixture.get(path).json()["issuer"],
        "https://auth.example/realms/other"
    );
}

#[test]
fn documents_are_cacheable_by_everybody() {
    let fixture = Fixture::new();
    for path in JWKS.into_iter().chain(METADATA) {
        let answer = fixture.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let etag = answer.header("etag").unwrap().to_owned();

        let head = fixture.send(&Request {
            method: "HEAD",
            path,
            ..Request::default()
        });
        assert_eq!((head.status(), &*head.response.body), (200, ""));
        assert_eq!(head.response.headers, answer.response.headers);

        for (if_none_match, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"x\", {etag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
            (etag.trim_matches('"').to_owned(), 200),
        ] {
            let request = Request {
                method: "GET",
                path,
                ..Request::default()
            };
            let again = fixture.send(&Request {
                if_none_match: Some(&if_none_match),
                ..request
            });
            assert_eq!(again.status(), status, "{if_none_match}");
            assert_eq!(again.response.body.is_empty(), status == 304);
            assert_eq!(again.header("etag"), Some(&*etag));
        }
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = fixture.send(&Request {
                method,
                path,
                ..Request::default()
            });
            assert_eq!(
                (answer.status(), answer.header("allow")),
                (405, Some("GET, HEAD, OPTIONS"))
            );
        }
    }
}

#[test]
fn health_asks_configuration_and_keys_but_not_storage() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/health").status(), 200);
    assert_eq!(fixture.get("/health").json(), json!({ "status": "ok" }));
    assert_eq!(
        fixture.get("/health").header("cache-control"),
        Some("no-store")
    );
    assert_eq!(fixture.send(&post("/health", "")).status(), 405);
    assert_eq!(fixture.store.reads(), 0);
}

#[test]
fn documents_leave_no_line_in_the_log() {
    let fixture = Fixture::new();
    for path in [JWKS[0], METADATA[0], "/health", "/nowhere"] {
        assert!(fixture.get(path).log.is_none(), "{path}");
    }
}
