//! light-oauth2's grant `client_authenticated_user`: a client that the operator trusts names a person.

use std::collections::BTreeSet;

use edge_token::dialect::LIGHT_OAUTH2;

use super::*;

const USER: &str = "&userId=ann&userType=admin";

/// A realm in the dialect that has the grant, and the client `portal`, which may use it.
fn portal(more: Value) -> People {
    let people = realm("light-oauth2", more);
    people.register("portal", trusted);
    people
}

fn trusted(client: &mut Client) {
    client.grant_types = vec![TRUSTED_USER.to_owned()];
    client.trusted = true;
    client.audience = vec![API.to_owned()];
}

impl People {
    fn user(&self, id: &str, form: &str) -> Answer {
        self.token(id, &format!("grant_type={TRUSTED_USER}{form}"))
    }
}

#[test]
fn a_trusted_client_gets_a_token_for_the_person_whom_it_names() {
    let people = portal(json!({ "iss": "urn:iss" }));
    let before = people.fixture.store.reads();
    let answer = people.user("portal", &format!("{USER}&roles=a+b&scope=read"));
    let claims = answer.claims();
    assert_eq!(
        claims,
        json!({
            "iss": "urn:iss", "aud": API, "jti": claims["jti"], "version": "1.0",
            "user_id": "ann", "user_type": "admin", "roles": "a b", "client_id": "portal",
            "scope": ["read"], "iat": NOW, "exp": NOW + 600, "nbf": NOW - 120,
        })
    );
    assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
    let members = json!({
        "access_token": answer.text("access_token"), "token_type": "bearer", "expires_in": 600,
    });
    assert_eq!(answer.json(), members);
    let log = answer.log();
    for (member, value) in [
        ("outcome", "issued"),
        ("grant_type", TRUSTED_USER),
        ("client_id", "portal"),
        ("sub", "ann"),
        ("scope", "read"),
    ] {
        assert_eq!(log[member], value, "{member}");
    }
    assert_eq!((log.get("actor"), log.get("family")), (None, None));
    // It cost one look-up.
    assert_eq!(people.fixture.store.reads() - before, 1);
    assert_eq!(people.fixture.store.acts(), 0);
}

#[test]
fn such_a_token_is_one_like_any_other() {
    let people = portal(json!({}));
    let token = people
        .user("portal", &format!("{USER}&scope=openid"))
        .text("access_token");
    let told = people.introspect("api", &token).json();
    assert_eq!(
        (&told["sub"], &told["client_id"], &told["scope"]),
        (&json!("ann"), &json!("portal"), &json!("openid"))
    );
    // No login application told of a person, so userinfo has nothing to tell.
    assert_eq!(
        people.userinfo(&token).error(),
        (401, "invalid_token".into())
    );
    for (record, is_active) in [
        (
            json!({ "version": 1, "subjects": { "ann": NOW + 1 } }),
            false,
        ),
        (
            json!({ "version": 1, "subjects": { "portal": NOW + 1 } }),
            true,
        ),
        (
            json!({ "version": 1, "clients": { "portal": NOW + 1 } }),
            false,
        ),
        (json!({ "version": 1 }), true),
    ] {
        people.not_before(&record);
        assert_eq!(people.is_active(&token), is_active, "{record}");
    }
    assert_eq!(people.revoke("portal", &token).status(), 200);
    assert!(!people.is_active(&token));
}

#[test]
fn only_trusted_clients_with_the_grant_may_name_a_person() {
    let people = portal(json!({}));
    people.register("untrusted", |client| {
        trusted(client);
        client.trusted = false;
    });
    people.register("unregistered", |client| {
        trusted(client);
        client.grant_types = vec!["client_credentials".into(), "authorization_code".into()];
    });
    people.register("spa", |client| {
        trusted(client);
        make_public(client);
    });
    for (id, reason) in [
        ("untrusted", "client not trusted"),
        ("unregistered", "grant not registered for the client"),
    ] {
        let answer = people.user(id, USER);
        assert_eq!(answer.error(), (400, "unauthorized_client".into()), "{id}");
        assert_eq!(answer.reason(), reason);
    }
    let public = people.user("spa", &format!("{USER}&client_id=spa"));
    assert_eq!(public.error(), (400, "unauthorized_client".into()));
    assert_eq!(people.user("nobody", USER).error(), invalid_client());
    let wrong = people.send(&Request {
        authorization: Some(&basic("portal", "wrong")),
        ..post("/token", &format!("grant_type={TRUSTED_USER}{USER}"))
    });
    assert_eq!(wrong.error(), invalid_client());
}

#[test]
fn what_says_who_a_person_is_must_be_there_and_short() {
    let people = portal(json!({}));
    let (longest, long) = ("x".repeat(255), "x".repeat(256));
    // Octets, not characters.
    let umlauts = encoded(&"ä".repeat(128));
    for (form, status) in [
        (USER.to_owned(), 200),
        (format!("&userId={longest}&userType={longest}"), 200),
        ("&userId=0&userType=%20".into(), 200),
        (String::new(), 400),
        ("&userId=ann".into(), 400),
        ("&userType=admin".into(), 400),
        ("&userId=&userType=admin".into(), 400),
        ("&userId=ann&userType=".into(), 400),
        ("&userid=ann&usertype=admin".into(), 400),
        ("&user_id=ann&user_type=admin".into(), 400),
        ("&username=ann&userType=admin".into(), 400),
        (format!("&userId={long}&userType=admin"), 400),
        (format!("&userId=ann&userType={long}"), 400),
        (format!("&userId={umlauts}&userType=admin"), 400),
        ("&userId=%C3%A4nn&userType=admin".into(), 400),
        ("&userId=a%0An&userType=admin".into(), 400),
        ("&userId=ann&userType=a%00".into(), 400),
        ("&userId=ann&userId=bob&userType=admin".into(), 400),
        ("&userId=ann&userType=admin&roles=a&roles=b".into(), 400),
    ] {
        let answer = people.user("portal", &form);
        assert_eq!(answer.status(), status, "{form}");
        if status == 400 {
            assert_eq!(answer.error().1, "invalid_request", "{form}");
        }
    }
    let excess = people.user("portal", &format!("{USER}&scope=admin"));
    assert_eq!(excess.error(), (400, "invalid_scope".into()));
}

#[test]
fn no_other_dialect_has_the_grant() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("portal", trusted);
        let answer = people.user("portal", USER);
        let expected = match dialect {
            "light-oauth2" => (200, ""),
            _ => (400, "unsupported_grant_type"),
        };
        assert_eq!(answer.error(), (expected.0, expected.1.into()), "{dialect}");
        let metadata = people
            .fixture
            .get("/realms/default/.well-known/openid-configuration");
        let grants = metadata.json()["grant_types_supported"].clone();
        let lists = grants.as_array().unwrap().contains(&json!(TRUSTED_USER));
        assert_eq!(lists, dialect == "light-oauth2", "{dialect}");
    }
}

#[test]
fn listed_fields_become_claims_and_no_others() {
    let people = portal(json!({ "user_claims": ["region", "e_mail", "Tier", "grant"] }));
    for (form, expected) in [
        ("", json!({})),
        ("&region=SG", json!({ "region": "SG" })),
        (
            "&region=SG&e_mail=a%40b&Tier=1",
            json!({ "region": "SG", "e_mail": "a@b", "Tier": "1" }),
        ),
        ("&region=", json!({})),
        ("&Region=SG&tier=1&x=y", json!({})),
        (
            "&region=%7B%22a%22%3A1%7D",
            json!({ "region": "{\"a\":1}" }),
        ),
        // What the service says itself is not theirs to say.
        (
            "&sub=eve&iss=eve&exp=9&jti=1&azp=eve&act=eve&cnf=eve&nbf=1&iat=1",
            json!({}),
        ),
        (
            "&user_id=eve&user_type=eve&version=2&sid=eve&client_secret_=x",
            json!({}),
        ),
    ] {
        let mut claims = people.user("portal", &format!("{USER}{form}")).claims();
        let members = claims.as_object_mut().unwrap();
        for own in [
            "iss",
            "aud",
            "jti",
            "version",
            "user_id",
            "user_type",
            "client_id",
            "scope",
            "iat",
            "exp",
            "nbf",
        ] {
            members.remove(own).expect(own);
        }
        assert_eq!(claims, expected, "{form}");
    }
    let claims = people
        .user("portal", &format!("{USER}&user_id=eve&exp=9"))
        .claims();
    assert_eq!(
        (&claims["user_id"], &claims["exp"]),
        (&json!("ann"), &json!(NOW + 600))
    );
    // By this grant alone.
    let own = people.token("machine", "grant_type=client_credentials&region=SG");
    assert_eq!(own.claims().get("region"), None);
    let twice = people.user("portal", &format!("{USER}&region=a&region=b"));
    assert_eq!(twice.error(), (400, "invalid_request".into()));
}

#[test]
fn an_operators_static_claims_are_not_for_clients_to_set() {
    let people = portal(json!({
        "user_claims": ["region", "tenant", "tier"], "claims": { "tenant": "realm's" },
    }));
    people.register("portal", |client| {
        trusted(client);
        client.claims = json!({ "region": "record's" }).as_object().unwrap().clone();
    });
    let claims = people
        .user("portal", &format!("{USER}&region=x&tenant=x&tier=x"))
        .claims();
    assert_eq!(
        (&claims["region"], &claims["tenant"], &claims["tier"]),
        (&json!("record's"), &json!("realm's"), &json!("x"))
    );
}

/// The claims that only the service may set, as src/client.rs has them.
const RESERVED: [&str; 25] = [
    "acr",
    "act",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "events",
    "exchanged_from",
    "exp",
    "iat",
    "iss",
    "jti",
    "may_act",
    "nbf",
    "nonce",
    "scope",
    "scp",
    "sid",
    "sub",
    "sub_id",
    "typ",
];

/// Parameters that mean something at the token endpoint, secrets among them.
const PARAMETERS: [&str; 22] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "audience",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "assertion",
    "userId",
    "userType",
    "username",
    "password",
];

#[test]
fn a_realm_that_lets_clients_set_what_has_a_meaning_is_not_served() {
    // The two lists are whole.
    let source = include_str!("../../../src/client.rs");
    let (_, list) = source
        .split_once("RESERVED_CLAIMS: [&str; 25] = [")
        .unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let list = list.split(',').map(|name| name.trim().trim_matches('"'));
    let list = BTreeSet::from_iter(list.filter(|name| !name.is_empty()));
    assert_eq!(list, BTreeSet::from(RESERVED));
    for name in PARAMETERS {
        assert!(edge_token::grant_type::is_parameter(name), "{name}");
    }
    let of_dialect = LIGHT_OAUTH2.claims.iter().map(|(name, _)| *name);
    let names = RESERVED.into_iter().chain(PARAMETERS).chain(of_dialect);
    for name in names {
        let people = portal(json!({ "user_claims": ["region", name] }));
        let answer = people.user("portal", USER);
        assert_eq!(answer.error(), unavailable(), "{name}");
        let reason = format!(
            "realm `default`: member `user_claims` has `{name}`, a claim or a parameter with a \
             meaning of its own"
        );
        assert_eq!(answer.reason(), reason);
        assert_eq!(people.fixture.store.reads(), 0, "{name}");
    }
    // Every letter counts.
    for name in ["Sub", "sub ", "userid", "e", "role", "client-id"] {
        let people = portal(json!({ "user_claims": [name] }));
        assert_eq!(people.user("portal", USER).status(), 200, "{name}");
    }
    for wrong in [json!("region"), json!([1]), json!({ "region": true })] {
        let people = portal(json!({ "user_claims": wrong }));
        assert_eq!(
            people.user("portal", USER).error(),
            unavailable(),
            "{wrong}"
        );
    }
}
