//! The people of each dialect: the members of its document.

use super::*;

/// What a login application tells of the person of seed 2's document.
fn test_user() -> Value {
    json!({
        "claims": {
            "email": "test@screeningeagle.com", "email_verified": true, "name": "Test User",
            "first_name": "Test", "last_name": "User", "country_code": "SG",
            "picture": "https://id-dev.screeningeagle.com/api/v1/user/1302/picture/",
            "updated_at": 1_725_846_378, "scopes": ["user"], "userID": 1302, "userRegion": "SG",
            "user_type": "admin",
        },
    })
}

/// The names of an object's members that `known` has not.
fn besides<'a>(object: &'a Value, known: &[&str]) -> Vec<&'a str> {
    let names = object.as_object().unwrap().keys().map(String::as_str);
    for name in known {
        assert!(object.get(name).is_some(), "{name} of {object}");
    }
    names.filter(|name| !known.contains(name)).collect()
}

#[test]
fn screening_eagle_people_have_the_members_of_its_document() {
    let mut people =
        People::with(json!({ "dialect": "screening-eagle", "iss": "Screening Eagle ID" }));
    people.place = |path| match path {
        "/token" => "/api/id/v1/auth/token".to_owned(),
        path => format!("/realms/default{path}"),
    };
    people.register("app", |client| {
        client.scope = ScopeSet::parse("openid email profile inspect").unwrap();
        // A client's own claims are not a person's.
        client.claims = json!({ "userID": 1, "tier": "gold" })
            .as_object()
            .unwrap()
            .clone();
    });
    let code = people.code("app", "&scope=openid+email+profile+inspect", test_user());
    let answer = people.redeem(&code, "");
    let members = [
        "scope",
        "token_type",
        "access_token",
        "expires_in",
        "id_token",
        "refresh_token",
    ];
    assert!(besides(&answer.json(), &members).is_empty());
    assert_eq!(answer.json()["expires_in"], 604_800);
    let access = answer.claims();
    let members = [
        "aud",
        "exp",
        "jti",
        "iat",
        "iss",
        "sub",
        "scp",
        "scopes",
        "userID",
        "userRegion",
    ];
    assert_eq!(besides(&access, &members), ["client_id", "sid", "tier"]);
    assert_eq!(access["scp"], "openid email profile inspect");
    assert_eq!(
        (&access["userID"], &access["scopes"]),
        (&json!(1302), &json!(["user"]))
    );
    let id_token = claims_of(&answer.text("id_token"));
    let members = [
        "aud",
        "exp",
        "iat",
        "iss",
        "sub",
        "email",
        "email_verified",
        "name",
        "first_name",
        "last_name",
        "country_code",
        "picture",
        "updated_at",
    ];
    assert_eq!(besides(&id_token, &members), ["at_hash", "azp", "sid"]);
    assert_eq!(
        (&id_token["iss"], &id_token["aud"]),
        (&json!("Screening Eagle ID"), &json!("app"))
    );
    let refreshed = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(refreshed.claims()["userID"], 1302);
    assert_eq!(
        people.userinfo(&answer.text("access_token")).json()["email"],
        "test@screeningeagle.com"
    );
    assert_eq!(people.userinfo(&answer.text("id_token")).status(), 401);
    let error = people.redeem(&code, "").json();
    assert!(error["errorDescription"].is_string(), "{error}");
}

#[test]
fn light_oauth2_people_have_the_members_of_its_document() {
    let mut people = People::with(json!({
        "dialect": "light-oauth2", "iss": "urn:com:networknt:oauth2:v1", "audience": ["urn:com.networknt"],
    }));
    people.place = |path| match path {
        "/token" => "/oauth2/token".to_owned(),
        path => match path.strip_prefix("/authorize") {
            Some(rest) => format!("/oauth2/code{rest}"),
            None => format!("/realms/default{path}"),
        },
    };
    people.register("app", |client| {
        client.grant_types.truncate(1);
        client.scope = ScopeSet::parse("petstore.r petstore.w").unwrap();
    });
    // Its document redeems without `redirect_uri`, and codes live 10 minutes.
    let code = people.code("app", "", test_user());
    people.later(599);
    let now = NOW + 599;
    let answer = people.token("app", &format!("grant_type=authorization_code&code={code}"));
    assert!(
        besides(
            &answer.json(),
            &["access_token", "token_type", "expires_in"]
        )
        .is_empty()
    );
    let access = answer.claims();
    let members = [
        "iss",
        "aud",
        "exp",
        "jti",
        "iat",
        "nbf",
        "version",
        "user_id",
        "user_type",
        "client_id",
        "scope",
    ];
    assert_eq!(besides(&access, &members), ["sid"]);
    assert_eq!(
        (&access["user_id"], &access["user_type"]),
        (&json!("1302"), &json!("admin"))
    );
    assert_eq!(
        (&access["iat"], &access["nbf"]),
        (&json!(now), &json!(now - 120))
    );
    let late = people.code("app", "", test_user());
    people.later(600);
    let late = people.token("app", &format!("grant_type=authorization_code&code={late}"));
    assert_eq!(late.error(), invalid_grant());
    // One that is named must be the right one.
    let code = people.code("app", "", test_user());
    let form =
        format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example");
    assert_eq!(people.token("app", &form).error(), invalid_grant());
}

#[test]
fn keycloak_people_have_a_session_and_clients_can_stay_offline() {
    let mut people = People::with(json!({ "dialect": "keycloak" }));
    people.place = |path| {
        let end = path
            .trim_start_matches("/authorize")
            .trim_start_matches("/par");
        let path = match path {
            path if path.starts_with("/authorize") => format!("/auth{end}"),
            path if path.starts_with("/par") => "/ext/par/request".to_owned(),
            path => path.to_owned(),
        };
        format!("/auth/realms/default/protocol/openid-connect{path}")
    };
    let sign_in = |scope: &str| {
        let code = people.code("app", &format!("&scope={scope}"), test_user());
        people.redeem(&code, "")
    };
    let answer = sign_in("openid+email");
    let members = [
        "access_token",
        "expires_in",
        "refresh_expires_in",
        "refresh_token",
        "token_type",
        "id_token",
        "not-before-policy",
        "session_state",
        "scope",
    ];
    assert!(besides(&answer.json(), &members).is_empty());
    assert_eq!(answer.json()["refresh_expires_in"], 1800);
    let access = answer.claims();
    assert_eq!(
        (&access["typ"], &access["azp"]),
        (&json!("Bearer"), &json!("app"))
    );
    assert_eq!(access["session_state"], answer.json()["session_state"]);
    assert_eq!(access["sid"], access["session_state"]);
    assert_eq!(
        (&access["email_verified"], access.get("name")),
        (&json!(true), None)
    );
    for service in [
        "clientHost",
        "clientId",
        "clientAddress",
        "client_id",
        "preferred_username",
    ] {
        assert_eq!(access.get(service), None, "{service}");
    }
    let id_token = claims_of(&answer.text("id_token"));
    assert_eq!(
        (&id_token["typ"], &id_token["acr"]),
        (&json!("ID"), &json!("1"))
    );
    assert_eq!(id_token["sid"], access["sid"]);
    assert_eq!(people.userinfo(&answer.text("id_token")).status(), 401);
    let offline = sign_in("openid+offline_access");
    assert_eq!(offline.claims().get("email_verified"), None);
    assert_eq!(offline.json()["refresh_expires_in"], 0);
    let pushed = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/par", "response_type=code")
    });
    assert_eq!(pushed.status(), 201);
}

#[test]
fn keycloak_gives_clients_refresh_tokens_for_offline_access() {
    let mut people = People::with(json!({ "dialect": "keycloak", "session_state": true }));
    people.place = |path| format!("/realms/default/protocol/openid-connect{path}");
    people.register("app", |client| {
        client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
    });
    let form = "grant_type=client_credentials&scope=offline_access+email";
    let answer = people.token("app", form);
    let refreshed = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(
        refreshed.text("session_state"),
        answer.text("session_state")
    );
    let claims = refreshed.claims();
    assert_eq!(claims["session_state"], answer.json()["session_state"]);
    assert_eq!(claims["preferred_username"], "service-account-app");
    // By which whoever is asked about the token knows whether it still holds.
    assert_eq!(claims["sid"], claims["session_state"]);
    assert_eq!(claims["sub"], "app");
    // Without the scope, or the grant, there is none.
    let without = people
        .token("app", "grant_type=client_credentials&scope=email")
        .json();
    assert_eq!(without.get("refresh_token"), None);
    people.register("app", |client| {
        client.grant_types = vec!["client_credentials".into()]
    });
    assert_eq!(people.token("app", form).json().get("refresh_token"), None);
}
