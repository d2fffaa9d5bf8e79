//! What becomes of clients in the shapes that Keycloak's exports have.

use edge_token::dialect::KEYCLOAK;
use serde_json::{Map, Value, json};

use super::super::shape;
use super::super::{Destination, NoteKind, Outcome, Read, Secret, found};
use super::mappers::NO_ROLES;

fn destination(sources: &[String]) -> Destination<'_> {
    Destination {
        realm: "dx",
        dialect: &KEYCLOAK,
        is_configured: true,
        has_login: false,
        sources,
    }
}

fn read(file: &Value) -> Result<Read, String> {
    read_from(file, &[])
}

fn read_from(file: &Value, sources: &[String]) -> Result<Read, String> {
    found(shape::read(&file.to_string(), None)?, &destination(sources))
}

/// A client that asks for itself, with other members.
fn client(members: Value) -> Value {
    let mut client = json!({
        "clientId": "x", "enabled": true, "protocol": "openid-connect", "publicClient": false,
        "secret": "s3cret-value-of-x", "serviceAccountsEnabled": true,
    });
    let (Some(client_members), Value::Object(members)) = (client.as_object_mut(), members) else {
        panic!()
    };
    client_members.extend(members);
    client
}

/// The same with attributes.
fn with(attributes: Value) -> Value {
    client(json!({ "attributes": attributes }))
}

/// The same for people.
fn web(members: Value) -> Value {
    let mut web = client(members);
    for (name, value) in [
        ("serviceAccountsEnabled", json!(false)),
        ("redirectUris", json!(["https://x.example/cb"])),
    ] {
        if web.get(name) != Some(&Value::Null)
            && (name != "redirectUris" || web.get(name).is_none())
        {
            web[name] = value;
        }
    }
    web
}

/// The members of the record of the only client of a realm, or why it has none, and what is said of
/// it.
fn only(realm: Value) -> (Result<Map<String, Value>, String>, Vec<String>) {
    let mut all = read(&realm).unwrap().found;
    let one = all.pop().unwrap();
    assert!(all.is_empty());
    let notes = one.notes.0.into_iter().map(|(_, text)| text).collect();
    let members = match one.outcome {
        Outcome::Client(draft) => Ok(draft.members),
        Outcome::LeftOut(why) => Err(format!("left out: {why}")),
        Outcome::Wrong(why) => Err(format!("wrong: {why}")),
    };
    (members, notes)
}

fn in_realm(client: Value) -> Value {
    json!({ "realm": "dx", "clients": [client] })
}

fn members(client: Value) -> Map<String, Value> {
    only(in_realm(client)).0.unwrap()
}

fn refused(client: Value) -> String {
    only(in_realm(client)).0.unwrap_err()
}

#[test]
fn a_restriction_is_a_member_of_the_record() {
    for (attribute, member) in [
        ("dpop.bound.access.tokens", "dpop_bound_access_tokens"),
        (
            "tls.client.certificate.bound.access.tokens",
            "tls_client_certificate_bound_access_tokens",
        ),
        (
            "require.pushed.authorization.requests",
            "require_pushed_authorization_requests",
        ),
    ] {
        for value in [json!("true"), json!(true), json!("TRUE")] {
            assert_eq!(
                members(with(json!({ attribute: value }))).get(member),
                Some(&json!(true))
            );
        }
        for value in [json!("false"), json!(false), json!(null), json!("")] {
            assert_eq!(members(with(json!({ attribute: value }))).get(member), None);
        }
    }
    let pkce = members(with(json!({"pkce.code.challenge.method": "S256"})));
    assert_eq!(pkce["require_pkce"], true);
    assert_eq!(
        members(client(json!({"enabled": "false"})))["disabled"],
        true
    );
    let x509 = json!({"x509.subjectdn": "CN=x", "x509.allow.regex.pattern.comparison": "false"});
    let bound = members(client(
        json!({"clientAuthenticatorType": "client-x509", "attributes": x509}),
    ));
    assert_eq!(bound["tls_client_auth_subject_dn"], "CN=x");
    assert_eq!(bound["token_endpoint_auth_method"], "tls_client_auth");
}

#[test]
fn a_restriction_that_no_record_can_have_leaves_the_client_out() {
    for (one, why) in [
        (
            client(json!({"consentRequired": true})),
            "it may have nothing without the person's consent",
        ),
        (
            client(json!({"consentRequired": "true"})),
            "it may have nothing without the person's consent",
        ),
        (
            client(json!({"authenticationFlowBindingOverrides": {"browser": "7f"}})),
            "people sign in to it by a flow",
        ),
        (
            with(json!({"pkce.code.challenge.method": "plain"})),
            "its PKCE method is `plain`",
        ),
        (
            with(json!({"request.object.required": "request or request_uri"})),
            "its authorization requests must be",
        ),
        (
            with(json!({"id.token.encrypted.response.alg": "RSA-OAEP"})),
            "its ID tokens must be encrypted",
        ),
        (
            with(json!({"user.info.encrypted.response.alg": "RSA-OAEP"})),
            "its userinfo must be encrypted",
        ),
        (
            with(json!({"user.info.response.signature.alg": "RS256"})),
            "its userinfo must be signed",
        ),
        (
            with(json!({"id.token.signed.response.alg": "PS256"})),
            "its ID tokens must be signed by another",
        ),
        (
            with(json!({"access.token.signed.response.alg": "RS512"})),
            "its access tokens must be signed by another",
        ),
        (
            with(json!({"minimum.acr.value": "2"})),
            "it demands a level of authentication at least",
        ),
        (
            with(json!({"default.acr.values": "gold##silver"})),
            "it demands a level of authentication by default",
        ),
        (
            with(json!({"client.secret.authentication.allowed.method": "other"})),
            "it may send its secret by `other`",
        ),
        (
            client(json!({"clientAuthenticatorType": "client-secret-jwt"})),
            "it signs assertions with its secret",
        ),
        (
            client(json!({"clientAuthenticatorType": "federated-jwt"})),
            "it authenticates by `federated-jwt`",
        ),
        (
            client(json!({"clientAuthenticatorType": "client-x509",
                    "attributes": {"x509.subjectdn": "CN=.*"}})),
            "the subject of its certificate is a pattern",
        ),
        (
            client(json!({"clientAuthenticatorType": "client-jwt",
                "attributes": {"token.endpoint.auth.signing.alg": "RS256", "jwks.string": "{}"}})),
            "its assertions must be signed by RS256",
        ),
        (
            client(json!({"protocolMappers": [{"name": "p",
                    "protocolMapper": "oidc-sha256-pairwise-sub-mapper"}]})),
            "its subjects are pairwise",
        ),
        (
            web(json!({"attributes": {"client.session.max.lifespan": "600"}})),
            "its refresh tokens have lifetimes of their own (`client.session.max.lifespan`)",
        ),
    ] {
        let found = refused(one.clone());
        assert!(
            found.starts_with(&format!("left out: {why}")),
            "{one}: {found}"
        );
    }
    // What demands nothing.
    for attributes in [
        json!({"request.object.required": "not required", "minimum.acr.value": "",
            "default.acr.values": null}),
        json!({"id.token.signed.response.alg": "ES256",
            "access.token.signed.response.alg": "ES256"}),
        json!({"client.session.max.lifespan": "600"}),
        json!({"client.session.max.lifespan": "0"}),
    ] {
        assert!(
            only(in_realm(with(attributes.clone()))).0.is_ok(),
            "{attributes}"
        );
    }
}

#[test]
fn client_policies_restrict_all_clients_or_leave_them_out() {
    let realm = |enabled: bool, condition: &str, executor: &str| {
        json!({
            "realm": "dx", "clients": [client(json!({}))],
            "clientProfiles": {"profiles": [{"name": "p", "executors": [{"executor": executor}]}]},
            "clientPolicies": {"policies": [{
                "name": "all", "enabled": enabled, "profiles": ["p"],
                "conditions": [{"condition": condition}],
            }]},
        })
    };
    let (bound, _) = only(realm(true, "any-client", "dpop-bind-enforcer"));
    assert_eq!(bound.unwrap()["dpop_bound_access_tokens"], true);
    for (condition, executor) in [
        ("any-client", "consent-required"),
        ("any-client", "secure-signing-algorithm"),
        ("client-roles", "dpop-bind-enforcer"),
    ] {
        let why = only(realm(true, condition, executor)).0.unwrap_err();
        assert!(
            why.starts_with("left out: the realm's client policy `all`"),
            "{why}"
        );
        assert!(only(realm(false, condition, executor)).0.is_ok());
    }
    assert!(
        only(realm(true, "any-client", "reject-implicit-grant"))
            .0
            .is_ok()
    );
}

#[test]
fn what_it_may_use_is_what_its_flows_are() {
    let uris = json!(["https://x.example/cb"]);
    for (one, grants, method) in [
        (
            client(json!({})),
            json!(["client_credentials", "refresh_token"]),
            None,
        ),
        (
            client(json!({"optionalClientScopes": []})),
            json!(["client_credentials"]),
            None,
        ),
        (
            client(json!({"serviceAccountsEnabled": false})),
            json!([]),
            None,
        ),
        (
            client(json!({"redirectUris": uris})),
            json!(["client_credentials", "authorization_code", "refresh_token"]),
            None,
        ),
        (
            client(json!({"redirectUris": uris, "standardFlowEnabled": false,
                    "defaultClientScopes": []})),
            json!(["client_credentials"]),
            None,
        ),
        (
            web(json!({})),
            json!(["authorization_code", "refresh_token"]),
            None,
        ),
        (
            web(json!({"publicClient": true, "attributes": {"use.refresh.tokens": "false"}})),
            json!(["authorization_code"]),
            Some("none"),
        ),
        (
            client(json!({"defaultClientScopes": [],
                    "attributes": {"standard.token.exchange.enabled": "true"}})),
            json!([
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange"
            ]),
            None,
        ),
        (
            client(json!({"defaultClientScopes": [],
                "attributes":
                    {"client.secret.authentication.allowed.method": "client_secret_post"}})),
            json!(["client_credentials"]),
            Some("client_secret_post"),
        ),
    ] {
        let found = members(one.clone());
        assert_eq!(found["grant_types"], grants, "{one}");
        let named = found
            .get("token_endpoint_auth_method")
            .and_then(Value::as_str);
        assert_eq!(named, method, "{one}");
    }
    for (one, why) in [
        (client(json!({"protocol": "saml"})), "its protocol is saml"),
        (
            client(json!({"protocol": "docker-v2"})),
            "its protocol is docker-v2",
        ),
        (
            client(json!({"bearerOnly": true})),
            "it only verifies tokens",
        ),
        (
            client(json!({"publicClient": true})),
            "it is public and has no redirect URI",
        ),
        (
            client(json!({"publicClient": true, "directAccessGrantsEnabled": true})),
            "nothing that it uses is served: the password grant",
        ),
        (
            web(json!({"redirectUris": ["*", "http://x.example/cb"]})),
            "nothing that it uses is served: codes",
        ),
        (
            client(json!({"clientId": "account"})),
            "it is Keycloak's own",
        ),
    ] {
        let found = refused(one.clone());
        assert!(
            found.starts_with(&format!("left out: {why}")),
            "{one}: {found}"
        );
    }
}

#[test]
fn pages_that_people_may_be_shown_are_taken() {
    let (found, notes) = only(in_realm(client(json!({"attributes": {
        "logoUri": "https://x.example/logo.png", "policyUri": "ftp://x.example/", "tosUri": "",
    }}))));
    let found = found.unwrap();
    assert_eq!(found["logo_uri"], "https://x.example/logo.png");
    assert!(!found.contains_key("policy_uri") && !found.contains_key("tos_uri"));
    let told = notes.iter().filter(|note| note.starts_with("`policy_uri`"));
    assert_eq!(told.count(), 1);
}

#[test]
fn uris_are_kept_exactly_and_scripts_origins_are_the_realms() {
    let (found, notes) = only(in_realm(web(json!({
        "rootUrl": "https://x.example", "redirectUris": ["/cb", "https://x.example/*",
        "http://localhost:3000/cb"],
        "webOrigins": ["+", "https://other.example"],
    }))));
    let found = found.unwrap();
    let kept = json!(["https://x.example/cb", "http://localhost:3000/cb"]);
    assert_eq!(found["redirect_uris"], kept);
    assert_eq!(found["post_logout_redirect_uris"], kept);
    assert!(notes.iter().any(|note| note.starts_with(
        "the redirect URI `https://x.example/*`: it is a pattern"
    )));
    for (attribute, expected) in [
        ("+", Some(json!(["https://x.example/cb"]))),
        ("-", None),
        (
            "https://x.example/bye##/relative",
            Some(json!(["https://x.example/bye"])),
        ),
    ] {
        let one = web(json!({"attributes": {"post.logout.redirect.uris": attribute}}));
        assert_eq!(
            members(one).get("post_logout_redirect_uris"),
            expected.as_ref(),
            "{attribute}"
        );
    }
    let file = in_realm(web(json!({"webOrigins": ["+", "https://b.example/"]})));
    let settings = read(&file).unwrap().settings;
    let lines = settings
        .iter()
        .map(|setting| setting.line.as_str())
        .collect::<Vec<_>>();
    assert!(
        lines.contains(&"allowed_origins = [\"https://b.example\", \"https://x.example\"]"),
        "{lines:?}"
    );
}

#[test]
fn scopes_are_those_of_the_protocol_that_tokens_show() {
    let scope = |name: &str, protocol: &str, shown: Value| {
        json!({"name": name,
        "protocol": protocol, "attributes": {"include.in.token.scope": shown}})
    };
    let file = |lists: Value| {
        let mut client = client(json!({}));
        client
            .as_object_mut()
            .unwrap()
            .extend(lists.as_object().unwrap().clone());
        json!({
            "realm": "dx", "clients": [client], "defaultDefaultClientScopes": ["read", "role_list"],
            "defaultOptionalClientScopes": ["write", "quiet"],
            "clientScopes": [
                scope("read", "openid-connect", json!("true")), scope("write", "openid-connect",
                    json!(null)),
                scope("quiet", "openid-connect", json!(false)), scope("role_list", "saml",
                    json!("true")),
            ],
        })
    };
    for (lists, all, default, hidden) in [
        (json!({}), "openid read write", "read", Some("quiet")),
        (
            json!({"defaultClientScopes": ["write"]}),
            "openid write",
            "write",
            None,
        ),
        (
            json!({"defaultClientScopes": [], "optionalClientScopes": ["read"]}),
            "openid read",
            "",
            None,
        ),
        (
            json!({"defaultClientScopes": ["quiet", "openid"]}),
            "openid",
            "",
            Some("quiet"),
        ),
        (
            json!({"defaultClientScopes": ["role_list", "offline_access"]}),
            "openid offline_access",
            "offline_access",
            None,
        ),
    ] {
        let (found, _) = only(file(lists.clone()));
        let found = found.unwrap();
        assert_eq!(
            (&found["scope"], &found["default_scope"]),
            (&json!(all), &json!(default)),
            "{lists}"
        );
        assert_eq!(
            found.get("hidden_scope").and_then(Value::as_str),
            hidden,
            "{lists}"
        );
    }
    let (found, notes) = only(file(json!({"defaultClientScopes": ["read", "nowhere"]})));
    assert_eq!(found.unwrap()["default_scope"], "read");
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("the client scope `nowhere`: the realm has none")),
        "{notes:?}"
    );
}

#[test]
fn a_file_without_client_scopes_has_keycloaks_own() {
    let found = members(client(json!({})));
    assert_eq!(found["default_scope"], "profile email");
    assert_eq!(
        found["scope"],
        "openid profile email address phone offline_access microprofile-jwt"
    );
    assert_eq!(found["hidden_scope"], "roles web-origins acr basic");
    // Without a realm, others may exist.
    let (found, _) = only(json!([client(
        json!({"defaultClientScopes": ["orders", "roles", "role_list"]})
    )]));
    let found = found.unwrap();
    assert_eq!(
        (&found["scope"], &found["hidden_scope"]),
        (&json!("openid orders"), &json!("roles"))
    );
}

fn mapper(kind: &str, config: Value) -> Value {
    json!({"name": "m", "protocol": "openid-connect", "protocolMapper": kind, "config": config})
}

#[test]
fn mappers_are_taken_or_named() {
    let one = |mapper: Value| only(in_realm(client(json!({"protocolMappers": [mapper]}))));
    // 1. Taken.
    for (mapper, member, value) in [
        (
            mapper(
                "oidc-audience-mapper",
                json!({"included.custom.audience": "https://api.example",
                    "access.token.claim": "true"}),
            ),
            "audience",
            json!(["https://api.example"]),
        ),
        (
            mapper(
                "oidc-audience-mapper",
                json!({"included.client.audience": "api", "included.custom.audience": "no",
                    "access.token.claim": true}),
            ),
            "audience",
            json!(["api"]),
        ),
        (
            mapper(
                "oidc-hardcoded-claim-mapper",
                json!({"claim.name": "a.b\\.c", "claim.value": "3", "jsonType.label": "int",
                    "access.token.claim": "true"}),
            ),
            "claims",
            json!({"a": {"b.c": 3}}),
        ),
        (
            mapper(
                "oidc-hardcoded-claim-mapper",
                json!({"claim.name": "l", "claim.value": "[1,true]", "jsonType.label": "JSON",
                    "access.token.claim": "true"}),
            ),
            "claims",
            json!({"l": [1, true]}),
        ),
        (
            mapper(
                "oidc-hardcoded-claim-mapper",
                json!({"claim.name": "aud", "claim.value": "api", "access.token.claim": "true"}),
            ),
            "audience",
            json!(["api"]),
        ),
    ] {
        assert_eq!(one(mapper).0.unwrap().get(member), Some(&value));
    }
    // 2. Named.
    let named = |note: &String| note.contains("the mapper `m`");
    for mapper in [
        mapper(
            "oidc-audience-mapper",
            json!({"included.custom.audience": "x", "id.token.claim": "true"}),
        ),
        mapper(
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "iss", "claim.value": "x", "access.token.claim": "true"}),
        ),
        mapper(
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "azp.x", "claim.value": "x", "access.token.claim": "true"}),
        ),
        mapper(
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "tier", "claim.value": "x", "id.token.claim": "true"}),
        ),
        mapper(
            "oidc-group-membership-mapper",
            json!({"claim.name": "groups", "access.token.claim": "true"}),
        ),
        mapper(
            "oidc-usermodel-attribute-mapper",
            json!({"claim.name": "department", "access.token.claim": "true"}),
        ),
        mapper(
            "oidc-usermodel-realm-role-mapper",
            json!({"claim.name": "roles", "access.token.claim": "true"}),
        ),
        mapper("script-of-ours.js", json!({})),
    ] {
        let (found, notes) = one(mapper.clone());
        let found = found.unwrap();
        assert!(notes.iter().any(named), "{mapper}: {notes:?}");
        assert!(found.get("audience").is_none() && found.get("claims").is_none());
    }
    // 3. Said by the dialect anyway.
    for mapper in [
        mapper(
            "oidc-usersessionmodel-note-mapper",
            json!({"claim.name": "clientHost", "access.token.claim": "true"}),
        ),
        mapper(
            "oidc-usermodel-property-mapper",
            json!({"claim.name": "email", "access.token.claim": "true"}),
        ),
        mapper("oidc-sub-mapper", json!({})),
        json!({"name": "m", "protocol": "saml", "protocolMapper": "saml-role-list-mapper"}),
    ] {
        let (found, notes) = one(mapper.clone());
        assert!(
            found.is_ok() && !notes.iter().any(named),
            "{mapper}: {notes:?}"
        );
    }
    // 4. Wrong.
    for config in [
        json!({"claim.name": "n", "claim.value": "three", "jsonType.label": "long",
            "access.token.claim": "true"}),
        json!({"claim.name": "n", "claim.value": "${TIER}", "access.token.claim": "true"}),
    ] {
        assert!(
            one(mapper("oidc-hardcoded-claim-mapper", config))
                .0
                .is_err()
        );
    }
}

#[test]
fn mappers_of_default_client_scopes_count_and_those_of_optional_ones_are_named() {
    let audience = mapper(
        "oidc-audience-mapper",
        json!({"included.custom.audience": "api", "access.token.claim": "true"}),
    );
    let file = |list: &str| {
        json!({
            "realm": "dx", "clients": [client(json!({ list: ["api"] }))],
            "clientScopes": [{"name": "api", "protocol": "openid-connect",
            "protocolMappers": [audience]}],
        })
    };
    assert_eq!(
        only(file("defaultClientScopes")).0.unwrap()["audience"],
        json!(["api"])
    );
    let (found, notes) = only(file("optionalClientScopes"));
    assert!(found.unwrap().get("audience").is_none());
    assert!(
        notes
            .iter()
            .any(|note| note.contains("the optional client scope `api`")),
        "{notes:?}"
    );
}

#[test]
fn lifetimes_are_the_clients_or_the_realms() {
    let file = |own: Value, realm: Value| {
        json!({"realm": "dx",
        "clients": [with(json!({"access.token.lifespan": own}))], "accessTokenLifespan": realm})
    };
    for (own, realm, expected) in [
        (json!(600), json!(120), Some(600)),
        (json!("600"), json!("120"), Some(600)),
        (json!(""), json!(120), Some(120)),
        (json!(null), json!("120"), Some(120)),
        (json!(-1), json!(120), Some(120)),
        (json!("-1"), json!(null), None),
        (json!(0), json!(null), None),
        (json!(99_999_999), json!(null), Some(2_592_000)),
    ] {
        let found = only(file(own.clone(), realm)).0.unwrap();
        let seconds = found.get("access_token_ttl").and_then(Value::as_i64);
        assert_eq!(seconds, expected, "{own}");
    }
    let short = only(in_realm(with(json!({"client.session.max.lifespan": 60}))))
        .0
        .unwrap();
    assert_eq!(
        (&short["access_token_ttl"], &short["grant_types"]),
        (&json!(60), &json!(["client_credentials"]))
    );
    for own in [json!("never"), json!(-7), json!({})] {
        assert!(
            only(file(own, json!(60)))
                .0
                .unwrap_err()
                .starts_with("wrong: ")
        );
    }
    let web = json!({
        "realm": "dx", "clients": [web(json!({}))], "ssoSessionIdleTimeout": 900,
        "clientSessionIdleTimeout": "300",
        "ssoSessionMaxLifespan": 3600, "clientSessionMaxLifespan": 0,
        "offlineSessionIdleTimeout": 86400,
        "offlineSessionMaxLifespan": 5184000, "offlineSessionMaxLifespanEnabled": false,
    });
    let settings = read(&web).unwrap().settings;
    let lines = settings
        .iter()
        .map(|setting| setting.line.as_str())
        .collect::<Vec<_>>();
    for line in [
        "refresh_token_idle_ttl = 300",
        "refresh_token_ttl = 3600",
        "offline_token_idle_ttl = 86400",
        "login_url = \"https://…\"",
    ] {
        assert!(lines.contains(&line), "{line}: {lines:?}");
    }
    assert!(
        !lines
            .iter()
            .any(|line| line.starts_with("offline_token_ttl"))
    );
}

#[test]
fn secrets_are_those_that_hold() {
    let secret = |secret: Value, attributes: Value| {
        let file = in_realm(client(json!({"secret": secret, "attributes": attributes})));
        let one = read(&file).unwrap().found.pop().unwrap();
        let Outcome::Client(draft) = one.outcome else {
            panic!()
        };
        *draft
    };
    let draft = secret(
        json!("s"),
        json!({
            "client.secret.expiration.time": 2_000_000_000, "client.secret.rotated": "old",
            "client.secret.rotated.expiration.time": "1900000000",
        }),
    );
    assert!(matches!(draft.secret, Secret::Given(secret) if secret.reveal() == "s"));
    assert_eq!(draft.secret_expires_at, Some(2_000_000_000));
    let (old, until) = draft.rotated.unwrap();
    assert_eq!((old.reveal(), until), ("old", 1_900_000_000));
    for missing in [json!(null), json!("")] {
        assert!(matches!(secret(missing, json!({})).secret, Secret::Missing));
    }
    for unusable in [
        "**********",
        "${KC_SECRET}",
        "$(env:SECRET)",
        "?UUID?",
        "changeme",
        "$2a$10$abc",
    ] {
        let draft = secret(json!(unusable), json!({}));
        assert!(matches!(draft.secret, Secret::Unusable(_)), "{unusable}");
    }
}

#[test]
fn service_accounts_are_subjects_and_roles_that_are_not_taken_are_named() {
    let file = |user: Value, of_client: Value| {
        json!({"realm": "dx", "clients": [client(of_client)], "users": [user,
        {"username": "alice"}]})
    };
    let user = json!({
        "id": "7f", "serviceAccountClientId": "x", "realmRoles": ["default-roles-dx", "auditor"],
        "clientRoles": {"ledger": ["read"]}, "groups": ["/staff"],
    });
    // 1. No client scope in effect shows them.
    let (found, notes) = only(file(
        user.clone(),
        json!({"defaultClientScopes": ["email"]}),
    ));
    let found = found.unwrap();
    assert_eq!(found["subject"], "7f");
    assert!(!found.contains_key("claims") && !found.contains_key("audience"));
    for note in [
        "the roles of its service account, `auditor`, `ledger/read`: verifiers miss them",
        "the groups of its service account, `/staff`: verifiers miss them",
    ] {
        assert!(notes.iter().any(|found| found == note), "{notes:?}");
    }
    // 2. People would have them too.
    for for_people in [
        json!({"redirectUris": ["https://x.example/cb"]}),
        json!({"attributes": {"standard.token.exchange.enabled": "true"}}),
    ] {
        let (found, notes) = only(file(user.clone(), for_people.clone()));
        let found = found.unwrap();
        assert!(!found.contains_key("claims") && !found.contains_key("audience"));
        let why = "`auditor`, `ledger/read`: verifiers miss them, since what its record's `claims` \
                   say is in its tokens of people too";
        for part in [why, NO_ROLES] {
            let is_told = notes.iter().any(|note| note.contains(part));
            assert!(is_told, "{for_people}: {notes:?}");
        }
    }
    // 3. There is no account that asks.
    let disabled = json!({"id": "7f", "serviceAccountClientId": "x", "enabled": false});
    let (found, _) = only(file(disabled, json!({})));
    assert!(
        found
            .unwrap_err()
            .contains("client credentials, of a disabled service account")
    );
    let (found, notes) = only(in_realm(client(json!({}))));
    assert!(found.unwrap().get("subject").is_none());
    for note in ["`sub` of the tokens for itself is its client id", NO_ROLES] {
        assert!(notes.iter().any(|found| found.starts_with(note)));
    }
}

/// What a realm has that knows some roles: one contains another that contains it, one contains what
/// nothing defines, and one everything that everybody has.
fn with_roles(members: Value) -> Value {
    let role = |name: &str, parts: Value| json!({"name": name, "composites": parts});
    let mut realm = json!({
        "realm": "dx",
        "roles": {
            "realm": [
                role("a", json!({"realm": ["b"]})),
                role("b", json!({"realm": ["a"], "client": {"ledger": ["read"]}})),
                role("c", json!({"realm": ["undefined"]})),
                role("lone", json!(null)),
                role("default-roles-dx", json!({"realm": ["offline_access"],
                    "client": {"account": ["view-profile"]}})),
                role("offline_access", json!(null)),
            ],
            "client": {
                "ledger": [role("read", json!(null)), role("write", json!(null))],
                "x": [role("own", json!({"client": {"shop": ["buy"]}}))],
                "account": [role("view-profile", json!(null))],
                "a.b": [role("r", json!(null))],
                "shop": [role("buy", json!({"realm": ["lone"]}))],
            },
        },
        "groups": [{"name": "staff", "path": "/staff", "realmRoles": ["lone"], "subGroups": [
            {"name": "night", "clientRoles": {"a.b": ["r"]}, "subGroups": null},
        ]}],
    });
    let (Some(all), Value::Object(members)) = (realm.as_object_mut(), members) else {
        panic!()
    };
    all.extend(members);
    realm
}

/// The claims and the audience of a client whose account has what `user` says, and what is told.
fn roles_of(realm: &Value, of_client: Value, user: Value) -> (Value, Value, Vec<String>) {
    let mut account = json!({"id": "7f", "serviceAccountClientId": "x"});
    let (Some(all), Value::Object(user)) = (account.as_object_mut(), user) else {
        panic!()
    };
    all.extend(user);
    let mut file = with_roles(realm.clone());
    file["clients"] = json!([client(of_client)]);
    file["users"] = json!([account]);
    let (found, notes) = only(file);
    let found = found.unwrap();
    let member = |name: &str| found.get(name).cloned().unwrap_or_default();
    (member("claims"), member("audience"), notes)
}

#[test]
fn roles_of_an_account_that_asks_for_itself_are_claims_as_they_are_there() {
    let claims = |realm: &[&str], clients: Value| {
        let mut claims = Map::new();
        if !realm.is_empty() {
            claims.insert("realm_access".to_owned(), json!({ "roles": realm }));
        }
        let clients = clients.as_object().unwrap();
        let access = clients
            .iter()
            .map(|(id, roles)| (id.clone(), json!({ "roles": roles })));
        if !clients.is_empty() {
            claims.insert("resource_access".to_owned(), Map::from_iter(access).into());
        }
        Value::Object(claims)
    };
    let bought = json!({"clientRoles": {"shop": ["buy"], "x": ["own"]}, "realmRoles": ["lone"]});
    let narrow = json!({"fullScopeAllowed": false});
    for (realm, of_client, user, expected, audience) in [
        // Roles that contain each other, and what is in them.
        (
            json!({}),
            json!({}),
            json!({"realmRoles": ["a"]}),
            claims(&["a", "b"], json!({"ledger": ["read"]})),
            json!(["ledger"]),
        ),
        // Everybody's.
        (
            json!({}),
            json!({}),
            json!({"realmRoles": ["default-roles-dx"]}),
            claims(
                &["default-roles-dx", "offline_access"],
                json!({"account": ["view-profile"]}),
            ),
            json!(["account"]),
        ),
        // Its own are no audience; a dot in an id is none between claims.
        (
            json!({}),
            json!({}),
            json!({"clientRoles": {"x": ["own"], "a.b": ["r"]}}),
            claims(
                &["lone"],
                json!({"x": ["own"], "shop": ["buy"], "a.b": ["r"]}),
            ),
            json!(["a.b", "shop"]),
        ),
        // Groups, and those around them.
        (
            json!({}),
            json!({}),
            json!({"groups": ["/staff/night"]}),
            claims(&["lone"], json!({"a.b": ["r"]})),
            json!(["a.b"]),
        ),
        (
            json!({}),
            json!({}),
            json!({"groups": ["/staff"]}),
            claims(&["lone"], json!({})),
            json!(null),
        ),
        // No role at all.
        (json!({}), json!({}), json!({}), json!(null), json!(null)),
        // Not all may pass: its own with what they contain, those of its scope, those of its client
        // scopes.
        (
            json!({}),
            narrow.clone(),
            json!({"realmRoles": ["a"]}),
            json!(null),
            json!(null),
        ),
        (
            json!({}),
            narrow.clone(),
            bought,
            claims(&["lone"], json!({"x": ["own"], "shop": ["buy"]})),
            json!(["shop"]),
        ),
        (
            json!({"scopeMappings": [{"client": "x", "roles": ["b"]},
                {"client": "y", "roles": ["offline_access"]}]}),
            narrow.clone(),
            json!({"realmRoles": ["a", "offline_access"]}),
            claims(&["a", "b"], json!({"ledger": ["read"]})),
            json!(["ledger"]),
        ),
        (
            json!({"clientScopeMappings": {"ledger": [{"clientScope": "email", "roles": ["read"]},
                {"clientScope": "phone", "roles": ["write"]}]}}),
            narrow,
            json!({"clientRoles": {"ledger": ["read", "write"]}}),
            claims(&[], json!({"ledger": ["read"]})),
            json!(["ledger"]),
        ),
        // A client scope that is for others.
        (
            json!({"scopeMappings": [{"clientScope": "roles", "roles": ["b"]}]}),
            json!({}),
            json!({"realmRoles": ["lone"]}),
            json!(null),
            json!(null),
        ),
    ] {
        let (found, found_audience, notes) = roles_of(&realm, of_client.clone(), user.clone());
        let case = format!("{realm} {of_client} {user}: {notes:?}");
        assert_eq!(
            (found, found_audience),
            (expected.clone(), audience),
            "{case}"
        );
        let is_told = notes
            .iter()
            .any(|note| note.contains("as a copy of those at the export"));
        assert_eq!(is_told, !expected.is_null(), "{case}");
        assert!(
            notes
                .iter()
                .all(|note| !note.contains("if they are composite")),
            "{case}"
        );
    }
}

#[test]
fn roles_that_the_file_does_not_define_are_taken_by_name_and_told() {
    for (realm, user, access, told) in [
        (
            json!({}),
            json!({"realmRoles": ["c"]}),
            json!({"realm_access": {"roles": ["c", "undefined"]}}),
            "what the roles `undefined` of its service account contain",
        ),
        (
            json!({"roles": null}),
            json!({"realmRoles": ["default-roles-dx"]}),
            json!({"realm_access": {"roles": ["default-roles-dx"]}}),
            "what the roles `default-roles-dx` of its service account contain",
        ),
        (
            json!({}),
            json!({"groups": ["/gone"], "realmRoles": ["lone"]}),
            json!({"realm_access": {"roles": ["lone"]}}),
            "the roles of the groups of its service account, `/gone`: the file has no such groups",
        ),
        // None of them, where a part could be too many.
        (
            json!({"groups": {}}),
            json!({"realmRoles": ["lone"]}),
            json!(null),
            "the roles of its service account, `lone`: verifiers miss them",
        ),
    ] {
        let (found, _, notes) = roles_of(&realm, json!({}), user.clone());
        assert_eq!(found, access, "{user}");
        assert!(notes.iter().any(|note| note.starts_with(told)), "{notes:?}");
    }
    let wrong = json!({"realm": "dx", "clients": [client(json!({}))],
        "users": [{"serviceAccountClientId": "x", "realmRoles": "a"}]});
    let why = only(wrong).0.unwrap_err();
    assert!(
        why.ends_with("account, `realmRoles` must be an array of strings"),
        "{why}"
    );
}

#[test]
fn mappers_say_where_roles_are_shown() {
    let of_realm = |members: Value| {
        let mut config = json!({"claim.name": "roles", "multivalued": "true",
            "access.token.claim": "true"});
        config
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        mapper("oidc-usermodel-realm-role-mapper", config)
    };
    let of_clients = |only: Value, claim: &str| {
        mapper(
            "oidc-usermodel-client-role-mapper",
            json!({"claim.name": claim, "multivalued": "true", "access.token.claim": "true",
                "usermodel.clientRoleMapping.clientId": only,
                "usermodel.clientRoleMapping.rolePrefix": "p:"}),
        )
    };
    let audience = || mapper("oidc-audience-resolve-mapper", json!(null));
    let hardcoded = |role: &str| mapper("oidc-hardcoded-role-mapper", json!({ "role": role }));
    let renamed = |role: &str, name: &str| {
        let config = json!({"role": role, "new.role.name": name});
        mapper("oidc-role-name-mapper", config)
    };
    let user = json!({"realmRoles": ["lone"], "clientRoles": {"ledger": ["read"], "a.b": ["r"]}});
    // 1. Taken, in the order of mappers' kinds and not of the file.
    for (mappers, claims, aud) in [
        (
            vec![of_realm(json!({}))],
            json!({"roles": ["lone"]}),
            json!(null),
        ),
        (
            vec![of_realm(
                json!({"usermodel.realmRoleMapping.rolePrefix": "ROLE_"}),
            )],
            json!({"roles": ["ROLE_lone"]}),
            json!(null),
        ),
        (
            vec![of_realm(json!({"multivalued": null}))],
            json!({"roles": "lone"}),
            json!(null),
        ),
        (
            vec![of_clients(json!("ledger"), "roles"), of_realm(json!({}))],
            json!({"roles": ["lone", "p:read"]}),
            json!(null),
        ),
        (
            vec![of_clients(json!(null), "by.${client_id}")],
            json!({"by": {"ledger": ["p:read"], "a.b": ["p:r"]}}),
            json!(null),
        ),
        (
            vec![of_clients(json!("nobody"), "roles")],
            json!(null),
            json!(null),
        ),
        (
            vec![
                audience(),
                of_realm(json!({})),
                hardcoded("plain"),
                hardcoded("shop.buy"),
            ],
            json!({"roles": ["lone", "plain"]}),
            json!(["a.b", "ledger", "shop"]),
        ),
        (
            vec![
                of_realm(json!({})),
                renamed("ledger.read", "reader"),
                renamed("none", "other"),
                audience(),
            ],
            json!({"roles": ["lone", "reader"]}),
            json!(["a.b"]),
        ),
    ] {
        let of_client = json!({"protocolMappers": mappers, "defaultClientScopes": []});
        let (found, audience, _) = roles_of(&json!({}), of_client, user.clone());
        assert_eq!((found, audience), (claims, aud), "{mappers:?}");
    }
    // 2. Named.
    let fixed = |name: &str| {
        mapper(
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": name, "claim.value": "1", "access.token.claim": "true"}),
        )
    };
    for (mappers, why) in [
        (
            vec![of_realm(json!({"access.token.claim": "false"}))],
            "it is not for access tokens",
        ),
        (
            vec![of_realm(json!({"access.token.claim": null}))],
            "it is not for access tokens",
        ),
        (
            vec![mapper(
                "oidc-audience-resolve-mapper",
                json!({"access.token.claim": "false"}),
            )],
            "it is not for access tokens",
        ),
        (
            vec![of_realm(json!({"claim.name": "scope"}))],
            "the realm's dialect sets this claim",
        ),
        (
            vec![of_realm(json!({"claim.name": "exp"}))],
            "only the service may set this claim",
        ),
        (
            vec![of_realm(json!({})), fixed("roles")],
            "another mapper sets the claim",
        ),
        (
            vec![of_realm(json!({"claim.name": "roles.of"})), fixed("roles")],
            "another mapper sets the claim",
        ),
        (
            vec![
                of_realm(json!({"multivalued": "false"})),
                hardcoded("another"),
            ],
            "it shows one role alone",
        ),
    ] {
        let of_client = json!({"protocolMappers": mappers, "defaultClientScopes": []});
        let (found, audience, notes) = roles_of(&json!({}), of_client, user.clone());
        let case = format!("{mappers:?}: {notes:?}");
        assert!(
            audience.is_null() && !found.to_string().contains("lone"),
            "{case}"
        );
        let is_told = |note: &String| note.starts_with("the mapper `m`") && note.contains(why);
        assert!(notes.iter().any(is_told), "{case}");
    }
    // 3. The client scope of the file, and not the built-in one.
    let scope =
        |mappers: Value| json!({"clientScopes": [{"name": "roles", "protocolMappers": mappers}]});
    let (found, ..) = roles_of(
        &scope(json!([of_realm(json!({}))])),
        json!({}),
        user.clone(),
    );
    assert_eq!(found, json!({"roles": ["lone"]}));
    let (found, _, notes) = roles_of(&scope(json!([])), json!({}), user);
    assert!(found.is_null() && notes.iter().any(|note| note == NO_ROLES));
}

#[test]
fn roles_beyond_what_a_record_may_have_stay_behind() {
    let roles = |count: usize| {
        let names = (0..count).map(|number| format!("a-role-with-a-long-name-{number:05}"));
        json!({"clientRoles": {"ledger": names.collect::<Vec<_>>()}})
    };
    let fixed = mapper(
        "oidc-hardcoded-claim-mapper",
        json!({"claim.name": "tier", "claim.value": "1", "access.token.claim": "true"}),
    );
    let (found, ..) = roles_of(&json!({}), json!({}), roles(200));
    assert!(found.get("resource_access").is_some());
    let of_client = json!({ "protocolMappers": [fixed] });
    let (found, audience, notes) = roles_of(&json!({}), of_client, roles(400));
    assert_eq!((found, audience), (json!({"tier": "1"}), json!(["ledger"])));
    assert!(
        notes.iter().any(|note| note.contains("(8 KiB)")),
        "{notes:?}"
    );
}

/// A certificate (version 1) that ends before it begins, and its key by itself.
const CERTIFICATE: &str = "\
MIIBEjCBuQIUbxgpFAZNapxthbnYqJgzTRbEAlgwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBeDAeFw0yNjEyMDEwMzU1NDNaFw0yNjExMzAwMzU1NDNaMAwxCjAIBgNV
BAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATeg6WEnswkaGO/kuDcmdWj
5DDii2i045BQtxjMEBCVVvT2vymiBG00mHxYT0nHMjpL2y+3xx/+ez1LcaVYcrcF
MAoGCCqGSM49BAMCA0gAMEUCIQCFyahrgGB0Azs+I7YVmVqjuXwdHXOND34MRhAk
XoZ8XwIgZxedu+pTKrCL4QusnyVDdshbuZbx3MhwLjGStZtnnII=
";
const ITS_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3oOlhJ7MJGhjv5Lg3JnVo+Qw4ototOOQULcY\
                       zBAQlVb09r8pogRtNJh8WE9JxzI6S9svt8cf/ns9S3GlWHK3BQ==";

#[test]
fn a_key_in_a_certificate_or_by_itself_is_taken_with_the_name_that_assertions_say() {
    let signer = |attributes: Value| {
        client(json!({"clientAuthenticatorType": "client-jwt", "attributes": attributes}))
    };
    let jwk = |kid: &str| {
        json!({
            "kty": "EC", "crv": "P-256", "kid": kid,
            "x": "3oOlhJ7MJGhjv5Lg3JnVo-Qw4ototOOQULcYzBAQlVY",
            "y": "9Pa_KaIEbTSYfFhPSccyOkvbL7fHH_57PUtxpVhytwU",
        })
    };
    let hash = "2BemqqPM62nA-8jXz0YrCF0BBKWag--mVHUNNOC5-Q0";
    let armoured = |line: &str| {
        format!("-----BEGIN CERTIFICATE-----{line}{CERTIFICATE}-----END CERTIFICATE-----{line}")
    };
    // 1. Taken.
    for (attributes, kid) in [
        (json!({ "jwt.credential.certificate": CERTIFICATE }), hash),
        (
            json!({"jwt.credential.certificate": CERTIFICATE.replace('\n', "")}),
            hash,
        ),
        (json!({"jwt.credential.certificate": armoured("\n")}), hash),
        (
            json!({"jwt.credential.certificate": armoured("\r\n")}),
            hash,
        ),
        (json!({"jwt.credential.certificate": armoured("")}), hash),
        (json!({ "jwt.credential.public.key": ITS_KEY }), hash),
        (
            json!({ "jwt.credential.public.key":
                format!("-----BEGIN PUBLIC KEY-----\n{ITS_KEY}\n-----END PUBLIC KEY-----\n")}),
            hash,
        ),
        (
            json!({"jwt.credential.public.key": ITS_KEY.trim_end_matches('=')}),
            hash,
        ),
        (
            json!({"jwt.credential.public.key": ITS_KEY, "jwt.credential.kid": "mine"}),
            "mine",
        ),
        // The certificate before the key, and both before a set without its switch.
        (
            json!({"jwt.credential.certificate": CERTIFICATE, "jwt.credential.public.key": "?"}),
            hash,
        ),
        (
            json!({"jwt.credential.public.key": ITS_KEY, "jwks.string": "{}",
                "jwks.url": "https://x.example/jwks", "use.jwks.url": "false"}),
            hash,
        ),
    ] {
        let (found, notes) = only(in_realm(signer(attributes.clone())));
        let found = found.unwrap();
        assert_eq!(found["jwks"], json!({ "keys": [jwk(kid)] }), "{attributes}");
        assert_eq!(found["token_endpoint_auth_method"], "private_key_jwt");
        assert!(
            notes.iter().all(|note| !note.contains("jwt.credential")),
            "{notes:?}"
        );
    }
    let set = json!({"jwt.credential.certificate": CERTIFICATE, "use.jwks.string": "true",
        "jwks.string": "{\"keys\":[]}"});
    assert_eq!(members(signer(set))["jwks"], json!({"keys": []}));
    // 2. Another kind.
    for (attribute, text, why) in [
        (
            "jwt.credential.certificate",
            "MIIBFDCBvwIUK9S53MggtvgxSsaw91YJeL8yaVUwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBeDAeFw0yNj\
             EyMDEwMzU1NDNaFw0yNjEyMDIwMzU1NDNaMAwxCjAIBgNVBAMMAXgwXDANBgkqhkiG9w0BAQEFAANLADBIAkEA\
             vH+iuNnDfx2LujMJYLtOPTGYqPnfN60pgRp/C1KwTaDh/m4+idhM09cqbbar1pm7QPvOOU6YycFvv2y2DiGEaw\
             IDAQABMA0GCSqGSIb3DQEBCwUAA0EAj2zfug4jL7baqr66NV9mik/Ho/qIp0teZHzO0Ml1u0/QhEhATSVSATQm\
             phUIfhjO0GVEbZCDlwC8rtVZbxhbSg==",
            "its key is RSA, and ES256 alone is served: ",
        ),
        (
            "jwt.credential.public.key",
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEqwhbvLnn+Iiy/5zW3AYR1xo6lFkTcu0WqP4sSkZGbuTa5fCODcv1v\
             lMwcSIjb95lIEPZu8HvWf/zjagILo6vt0MMsbBOl4ACyfCzRGwf6XDouFdl5Rx46IOicDjKNrD+",
            "its key is of the curve P-384, and ",
        ),
        (
            "jwt.credential.public.key",
            "ME4wEAYHKoZIzj0CAQYFK4EEACEDOgAESWIbhC9AVgJmHNaLOgJHlv6K7XgXk5lkAeXjQ5gnK9sFeh48wun6W\
             b2fNQaNWQmkuVAldmIl4og=",
            "its key is of the kind 1.3.132.0.33, and ",
        ),
        (
            "jwt.credential.public.key",
            "MCowBQYDK2VwAyEAaZzzSIOQkFaLnAOv5jBQcykGRZvBM0faHMYv+/kyCn0=",
            "its key is Ed25519, and ",
        ),
    ] {
        let why_not = refused(signer(json!({ attribute: text })));
        assert!(
            why_not.starts_with(&format!("left out: {why}")),
            "{why_not}"
        );
    }
    // 3. Wrong.
    let off = ITS_KEY.replace("3oOl", "3oOm");
    for (attribute, text, why) in [
        (
            "jwt.credential.certificate",
            "MII",
            "cannot be read as an X.509 certificate",
        ),
        (
            "jwt.credential.certificate",
            "not base64!",
            "cannot be read as an X.509 certificate",
        ),
        (
            "jwt.credential.certificate",
            ITS_KEY,
            "cannot be read as an X.509 certificate",
        ),
        (
            "jwt.credential.public.key",
            CERTIFICATE,
            "cannot be read as a public key",
        ),
        ("jwt.credential.public.key", &off, "is not on its curve"),
        (
            "jwt.credential.certificate",
            "${CERTIFICATE}",
            "is a placeholder",
        ),
    ] {
        let why_not = refused(signer(json!({ attribute: text })));
        let names = why_not.starts_with("wrong: ") && why_not.contains(attribute);
        assert!(names && why_not.contains(why), "{text}: {why_not}");
    }
}

#[test]
fn moments_of_revocation_become_commands() {
    let file = json!({"realm": "r", "notBefore": 7,
        "clients": [client(json!({"notBefore": 1_700_000_000}))]});
    let read = read(&file).unwrap();
    let commands = read.found[0].notes.0.iter().chain(&read.notes.0);
    let commands = commands
        .filter(|(kind, _)| *kind == NoteKind::ToDo)
        .map(|(_, text)| text.as_str());
    let commands = commands.collect::<Vec<_>>().join("\n");
    for command in [
        "edge-token revoke client --realm dx --client-id x --before 1700000000",
        "edge-token revoke realm --realm dx --before 7",
    ] {
        assert!(commands.contains(command), "{commands}");
    }
}

#[test]
fn what_is_wrong_with_one_client_hides_no_other() {
    let good = client(json!({"clientId": "good"}));
    for (bad, id, why) in [
        (json!({"id": "7f3c"}), "id 7f3c", "`clientId` is missing"),
        (
            json!({"clientId": "${ID}"}),
            "${ID}",
            "its `clientId` is a placeholder",
        ),
        (
            json!({"clientId": "x", "attributes": []}),
            "x",
            "`attributes` must be an object",
        ),
        (
            json!({"clientId": "x", "redirectUris": "https://x"}),
            "x",
            "`redirectUris` must be an array of strings",
        ),
        (
            json!({"clientId": "x", "publicClient": "maybe"}),
            "x",
            "`publicClient` must be true or false",
        ),
        (
            client(json!({"protocolMappers": [7]})),
            "x",
            "`protocolMappers` must be an array of objects",
        ),
        (json!(7), "?", "must be an object"),
        (
            client(json!({"clientAuthenticatorType": "client-jwt"})),
            "x",
            "it signs assertions (client-jwt), and has neither",
        ),
        (
            client(json!({"clientAuthenticatorType": "client-jwt",
                    "attributes": {"jwks.string": "{"}})),
            "x",
            "its `jwks.string` is not JSON",
        ),
    ] {
        let read = read(&json!({"realm": "r", "clients": [bad, good]})).unwrap();
        let [first, second] = &read.found[..] else {
            panic!()
        };
        assert_eq!(first.client_id, id);
        assert!(
            matches!(&first.outcome, Outcome::Wrong(found) if found.starts_with(why)),
            "{why}"
        );
        assert!(matches!(second.outcome, Outcome::Client(_)));
    }
}

#[test]
fn of_several_realms_one_is_taken_and_never_two_unasked() {
    let realm = |name: &str, ids: &[&str]| {
        let clients = ids
            .iter()
            .map(|id| client(json!({ "clientId": id })))
            .collect::<Vec<_>>();
        json!({ "realm": name, "clients": clients })
    };
    let ids = |read: Read| {
        read.found
            .into_iter()
            .map(|found| found.client_id)
            .collect::<Vec<_>>()
    };
    // The one that is called alike, else the only one with clients of its own.
    let both = json!([realm("dx", &["a"]), realm("other", &["b"])]);
    assert_eq!(ids(read(&both).unwrap()), ["a"]);
    let master = json!([realm("master", &["account"]), realm("other", &["b"])]);
    assert_eq!(ids(read(&master).unwrap()), ["b"]);
    // Others by name.
    let two = json!([realm("one", &["a"]), realm("two", &["b"])]);
    let why = read(&two).err().unwrap();
    assert!(
        why.starts_with("has several realms, `one`, `two`, none of them called `dx`"),
        "{why}"
    );
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(read_from(&two, &named(&["two"])).unwrap()), ["b"]);
    assert_eq!(
        ids(read_from(&two, &named(&["one", "two"])).unwrap()),
        ["a", "b"]
    );
    assert!(read_from(&two, &named(&["three"])).is_err());
}

#[test]
fn attributes_that_change_something_are_told_and_unknown_ones_named() {
    let (found, notes) = only(in_realm(with(json!({
        "oauth2.device.authorization.grant.enabled": "true",
        "backchannel.logout.url": "https://x.example/out",
        "acr.loa.map": "{}", "saml.encrypt": "false", "com.example.tier.limit": "3",
        "access.token.header.type.rfc9068": "true",
    }))));
    assert!(found.is_ok());
    for part in [
        "the device grant",
        "back-channel logout",
        "`com.example.tier.limit`",
        "not `at+jwt`",
    ] {
        assert!(
            notes.iter().any(|note| note.contains(part)),
            "{part}: {notes:?}"
        );
    }
    assert!(
        !notes
            .iter()
            .any(|note| note.contains("levels of authentication") || note.contains("saml"))
    );
}
