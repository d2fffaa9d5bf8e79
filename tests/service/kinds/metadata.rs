//! Metadata that says what the realm does not do, or leaves out what clients read (RFC 8414 §2, OpenID
//! Connect Discovery §3): what it says is accepted, and what it does not say is refused.

use std::collections::BTreeSet;

use edge_token::auth_method::AuthMethod;
use edge_token::dialect::Dialect;
use edge_token::grant_type::GrantType;

use super::super::after::realm;
use super::super::people::{CALLBACK, PKCE, People, claims_of, encoded};
use super::transport::paths;
use super::*;

const ORIGIN: &str = "https://auth.example";

/// All claims that a login application of any dialect can tell.
const OF_PEOPLE: [&str; 27] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "address",
    "phone_number",
    "phone_number_verified",
    "first_name",
    "last_name",
    "country_code",
    "scopes",
    "userID",
    "userRegion",
    "user_type",
    "roles",
];

const OF_SCREENING_EAGLE: [&str; 3] = ["first_name", "last_name", "country_code"];

fn dialects() -> [&'static str; 4] {
    Dialect::ALL.map(|dialect| dialect.name)
}

/// The metadata of the realm `default`.
fn metadata(fixture: &Fixture) -> Value {
    fixture
        .get("/realms/default/.well-known/openid-configuration")
        .json()
}

fn list(metadata: &Value, member: &str) -> BTreeSet<String> {
    let values = metadata[member].as_array().expect(member).iter();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

/// The path of an endpoint that the metadata names.
fn path<'a>(metadata: &'a Value, member: &str) -> &'a str {
    metadata[member]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap()
}

/// A realm without people, of each dialect, with more members.
fn without_people(dialect: &str, more: &Value) -> Fixture {
    let mut realm = json!({ "issuer": ISSUER, "dialect": dialect });
    let members = realm.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    Fixture::configured(json!({ "default": realm }), &secrets())
}

fn trusted() -> Value {
    let jwks = signed::jwks(&[9]);
    json!({ "trusted_issuers": { "partner": {
        "issuer": "https://partner.example", "jwks": jwks,
    } } })
}

/// All kinds of realms.
fn fixtures() -> Vec<(String, Fixture)> {
    let mut all = Vec::new();
    for dialect in dialects() {
        for (name, more) in [("", json!({})), (" that trusts", trusted())] {
            let with = realm(dialect, more.clone()).fixture;
            all.push((format!("{dialect} with people{name}"), with));
            let without = without_people(dialect, &more);
            all.push((format!("{dialect} without people{name}"), without));
        }
    }
    all
}

/// go-oidc takes RS256 for what is not there, also in realms without people.
#[test]
fn algorithms_and_subject_types_are_always_told() {
    for (name, fixture) in fixtures() {
        let metadata = metadata(&fixture);
        for (member, value) in [
            ("id_token_signing_alg_values_supported", "ES256"),
            ("subject_types_supported", "public"),
        ] {
            assert_eq!(metadata[member], json!([value]), "{name}: {member}");
        }
    }
}

/// What ID tokens and userinfo have, when all is asked for and the login application tells all.
fn claims_of_a_person(people: &People, scope: &str) -> BTreeSet<String> {
    people.register("app", |client| {
        client.scope = ScopeSet::parse(scope).unwrap();
    });
    let told = OF_PEOPLE.map(|name| (name.to_owned(), json!(format!("the {name}"))));
    let accept = json!({
        "claims": Value::Object(told.into_iter().collect()), "auth_time": NOW, "acr": "2",
    });
    let asked = format!("&nonce=n&scope={}", scope.replace(' ', "+"));
    let tokens = people.redeem(&people.code("app", &asked, accept), "");
    let mut claims = claims_of(&tokens.text("id_token"));
    let userinfo = people.userinfo(&tokens.text("access_token")).json();
    let members = claims.as_object_mut().unwrap();
    members.extend(userinfo.as_object().unwrap().clone());
    members.keys().cloned().collect()
}

#[test]
fn claims_are_those_that_tokens_and_userinfo_of_the_dialect_have() {
    for dialect in dialects() {
        let people = realm(dialect, json!({}));
        let told = list(&metadata(&people.fixture), "claims_supported");
        let seen = claims_of_a_person(&people, "openid profile email address phone");
        assert_eq!(told, seen, "{dialect}");
        for name in OF_SCREENING_EAGLE {
            assert_eq!(
                told.contains(name),
                dialect == "screening-eagle",
                "{dialect}: {name}"
            );
        }
    }
}

#[test]
fn claims_are_those_that_the_realms_scopes_release() {
    for dialect in dialects() {
        for (scope, has, has_not) in [
            ("openid", "sub", "name"),
            ("openid email", "email_verified", "name"),
            ("openid profile", "zoneinfo", "email"),
            ("openid phone address", "phone_number", "birthdate"),
        ] {
            let people = realm(dialect, json!({ "scopes": scope }));
            let told = list(&metadata(&people.fixture), "claims_supported");
            assert_eq!(
                told,
                claims_of_a_person(&people, scope),
                "{dialect}: {scope}"
            );
            assert!(
                told.contains(has) && !told.contains(has_not),
                "{dialect}: {scope}"
            );
        }
        let people = realm(dialect, json!({ "scopes": "read profile" }));
        assert_eq!(metadata(&people.fixture).get("claims_supported"), None);
        let without = without_people(dialect, &json!({}));
        assert_eq!(metadata(&without).get("claims_supported"), None);
    }
}

#[test]
fn grant_types_are_those_that_the_token_endpoint_takes() {
    for (name, fixture) in fixtures() {
        let metadata = metadata(&fixture);
        let told = list(&metadata, "grant_types_supported");
        let token = path(&metadata, "token_endpoint");
        let others = [
            "password",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "urn:openid:params:grant-type:ciba",
            "implicit",
        ];
        for grant_type in GrantType::ALL
            .map(GrantType::name)
            .into_iter()
            .chain(others)
        {
            let form = format!("grant_type={}", encoded(grant_type));
            let (_, error) = fixture.send(&post(token, &form)).error();
            let is_taken = error != "unsupported_grant_type";
            assert_eq!(told.contains(grant_type), is_taken, "{name}: {grant_type}");
        }
    }
}

#[test]
fn endpoints_are_those_that_answer() {
    for (name, fixture) in fixtures() {
        let metadata = metadata(&fixture);
        let mut told = BTreeSet::new();
        for (member, url) in metadata.as_object().unwrap() {
            if !member.ends_with("_endpoint") && member != "jwks_uri" {
                continue;
            }
            let path = url.as_str().unwrap().strip_prefix(ORIGIN).unwrap();
            assert_ne!(fixture.get(path).status(), 404, "{name}: {member}");
            told.insert(path);
        }
        let dialect = Dialect::ALL.into_iter();
        let dialect = dialect
            .clone()
            .find(|known| name.starts_with(known.name))
            .unwrap();
        let mut here = BTreeSet::new();
        for (endpoint, path) in paths(dialect) {
            let path = path.replace(&format!("/realms/{}/", dialect.name), "/realms/default/");
            if fixture.get(&path).status() == 404 {
                assert!(!told.contains(path.as_str()), "{name}: {path}");
            } else if edge_token::dialect::Endpoint::ALL.contains(&endpoint) {
                here.insert(endpoint.name());
            }
        }
        // One of each, but for the metadata itself and Keycloak's page of a realm.
        here.remove("discovery");
        here.remove("realm");
        assert_eq!(told.len(), here.len(), "{name}: {told:?} {here:?}");
    }
}

#[test]
fn what_is_told_of_authorization_requests_is_so() {
    for dialect in dialects() {
        let people = realm(dialect, json!({}));
        let metadata = metadata(&people.fixture);
        let (client, uri) = ("client_id=app", encoded(CALLBACK));
        let asks = |more: &str| {
            let query = format!("{client}&redirect_uri={uri}{more}");
            let answer = people.authorize(&query);
            answer.location("ticket").is_some()
        };
        let told = list(&metadata, "response_types_supported");
        for response_type in ["code", "token", "id_token", "code id_token", "none", ""] {
            let more = format!("&response_type={}", encoded(response_type));
            assert_eq!(told.contains(response_type), asks(&more), "{response_type}");
        }
        let told = list(&metadata, "response_modes_supported");
        for mode in [
            "query",
            "fragment",
            "form_post",
            "query.jwt",
            "jwt",
            "web_message",
        ] {
            let more = format!("&response_type=code&response_mode={mode}");
            assert_eq!(told.contains(mode), asks(&more), "{mode}");
        }
        let told = list(&metadata, "code_challenge_methods_supported");
        for method in ["S256", "plain", "S512", "s256"] {
            let more = format!("&response_type=code{PKCE}");
            let more = more.replace("S256", method);
            assert_eq!(told.contains(method), asks(&more), "{method}");
        }
        for (member, more) in [
            ("request_parameter_supported", "&request=x"),
            (
                "request_uri_parameter_supported",
                "&request_uri=https://app.example/r",
            ),
        ] {
            let is_taken = asks(&format!("&response_type=code{more}"));
            assert_eq!(metadata[member], json!(is_taken), "{member}");
        }
        let must_push = !asks("&response_type=code");
        assert_eq!(metadata["require_pushed_authorization_requests"], must_push);
        // RFC 9207: with codes and with errors.
        assert_eq!(
            metadata["authorization_response_iss_parameter_supported"],
            true
        );
        let refused = people.authorize(&format!("{client}&redirect_uri={uri}&response_type=x"));
        assert_eq!(refused.location("iss").as_deref(), Some(ISSUER));
        let asked = people.ask("app", "&scope=openid");
        people.accept(&asked, json!({}));
        let resumed = people.resume(&asked);
        assert_eq!(resumed.location("iss").as_deref(), Some(ISSUER));
        // What the ID token is signed with.
        let tokens = people.redeem(&resumed.location("code").unwrap(), "");
        let head = tokens
            .text("id_token")
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head);
        let head = serde_json::from_slice::<Value>(&head.unwrap()).unwrap();
        let told = list(&metadata, "id_token_signing_alg_values_supported");
        assert!(told.contains(head["alg"].as_str().unwrap()));
    }
}

/// Who proves nothing gets tokens for people alone, and no word about other tokens.
#[test]
fn authentication_methods_are_those_that_are_taken() {
    for (name, fixture) in fixtures() {
        let metadata = metadata(&fixture);
        for (endpoint, member, form) in [
            ("token_endpoint", "token", "grant_type=client_credentials"),
            ("introspection_endpoint", "introspection", "token=x"),
            ("revocation_endpoint", "revocation", "token=x"),
        ] {
            let told = list(
                &metadata,
                &match member {
                    "token" => "token_endpoint_auth_methods_supported".to_owned(),
                    other => format!("{other}_endpoint_auth_methods_supported"),
                },
            );
            let at = path(&metadata, endpoint);
            for method in AuthMethod::registered() {
                let id = method.name();
                fixture.register(id, |client| {
                    client.token_endpoint_auth_method = method;
                    if method == AuthMethod::None {
                        client.secrets.clear();
                        client.grant_types = vec!["authorization_code".into()];
                    }
                });
                let (basic, in_form) = (basic(id, SECRET), format!("{form}&client_id={id}"));
                let with_secret = format!("{in_form}&client_secret={}", encoded(SECRET));
                let request = match id {
                    "client_secret_basic" => Request {
                        authorization: Some(&basic),
                        ..post(at, form)
                    },
                    "client_secret_post" => post(at, &with_secret),
                    "none" => post(at, &in_form),
                    // An assertion and a certificate have tests of their own.
                    _ => {
                        assert!(told.contains(id), "{name}: {member} {id}");
                        continue;
                    }
                };
                let answer = fixture.send(&request);
                // A public client may not use that grant, which it is told once it is known.
                let is_taken = answer.status() != 401;
                let has_people = metadata["authorization_endpoint"].is_string();
                let is_useful = id != "none" || has_people;
                assert_eq!(
                    told.contains(id),
                    is_taken && is_useful,
                    "{name}: {member} {id}"
                );
            }
            for method in [
                "client_secret",
                "client_secret_jwt",
                "self_signed_tls_client_auth",
            ] {
                assert!(!told.contains(method), "{name}: {member} {method}");
            }
        }
    }
}
