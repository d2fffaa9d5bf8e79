//! The moments before which nothing holds that an operator set (docs/storage.md).

use super::*;

/// What is wrong with a record, so that nobody knows its moments.
const UNUSABLE: [&str; 8] = [
    "",
    "{",
    "null",
    r#"{"version":2}"#,
    r#"{"version":1,"realm":"1"}"#,
    r#"{"version":1,"clients":{"app":-1}}"#,
    r#"{"version":1,"subjects":[]}"#,
    r#"{"version":1,"only_on_sundays":true}"#,
];

#[test]
fn an_access_token_holds_from_the_moment_on_and_not_a_second_earlier() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let tokens = people.tokens("openid+read").text("access_token");
        let machine = people.machine();
        // Each with what it does to the token of the person and to that of the machine.
        for (record, of_person, of_machine) in [
            (json!({}), true, true),
            (json!({ "realm": NOW }), true, true),
            (json!({ "realm": NOW + 1 }), false, false),
            (json!({ "realm": NOW - 1 }), true, true),
            (json!({ "realm": 0 }), true, true),
            (json!({ "clients": { "app": NOW } }), true, true),
            (json!({ "clients": { "app": NOW + 1 } }), false, true),
            (json!({ "clients": { "machine": NOW + 1 } }), true, false),
            (
                json!({ "clients": { "api": NOW + 1, "1302": NOW + 1 } }),
                true,
                true,
            ),
            (json!({ "subjects": { "1302": NOW } }), true, true),
            (json!({ "subjects": { "1302": NOW + 1 } }), false, true),
            (json!({ "subjects": { "machine": NOW + 1 } }), true, false),
            (
                json!({ "subjects": { "app": NOW + 1, "130": NOW + 1, "": NOW + 1 } }),
                true,
                true,
            ),
            (
                json!({ "realm": NOW, "clients": { "app": NOW - 9 }, "subjects": { "1302": NOW + 1 } }),
                false,
                true,
            ),
        ] {
            let mut record = record;
            record["version"] = json!(1);
            people.not_before(&record);
            let name = format!("{dialect} {record}");
            assert_eq!(people.is_active(&tokens), of_person, "{name}");
            assert_eq!(people.is_active(&machine), of_machine, "{name}");
            let status = people.userinfo(&tokens).status();
            assert_eq!(status == 200, of_person, "{name}");
            let exchanged = people.exchange(&tokens);
            assert_eq!(exchanged.status() == 200, of_person, "{name}");
            assert!(of_person || exchanged.reason().contains("not-before moment"));
        }
    }
}

#[test]
fn a_registrar_is_void_as_any_other() {
    let people = realm("rfc9068", json!({}));
    people.register("registrar", |client| {
        client.scope = ScopeSet::parse("client_registration").unwrap();
        client.grant_types = vec!["client_credentials".into()];
    });
    let token = Signed::access_token("registrar").claim("scope", "client_registration");
    for (moment, status) in [(NOW, 201), (NOW + 1, 401)] {
        people.not_before(json!({ "version": 1, "clients": { "registrar": moment } }));
        let answer = people.register_with(&token.text());
        assert_eq!(answer.status(), status, "{}", answer.reason());
    }
}

/// A refresh token or code says nothing of its age: what counts is when its family began.
#[test]
fn what_a_family_could_still_give_ends_with_a_moment_after_it_began() {
    let after = NOW + 5;
    for (record, is_void) in [
        (json!({ "version": 1, "realm": NOW }), false),
        (json!({ "version": 1, "realm": NOW + 1 }), true),
        (json!({ "version": 1, "realm": after }), true),
        (json!({ "version": 1, "clients": { "app": NOW } }), false),
        (json!({ "version": 1, "clients": { "app": after } }), true),
        (
            json!({ "version": 1, "clients": { "other": after } }),
            false,
        ),
        (json!({ "version": 1, "subjects": { "1302": NOW } }), false),
        (json!({ "version": 1, "subjects": { "1302": after } }), true),
        (json!({ "version": 1, "subjects": { "app": after } }), false),
    ] {
        let mut people = realm("rfc9068", json!({}));
        let tokens = people.tokens("openid");
        let code = people.code("app", "&scope=openid", json!({}));
        people.later(10);
        people.not_before(&record);
        let refresh = || people.refresh(&tokens.text("refresh_token"), "");
        let redeem = || people.redeem(&code, "");
        for (left, use_it) in [(1, &refresh as &dyn Fn() -> Answer), (0, &redeem)] {
            let answer = use_it();
            if !is_void {
                assert_eq!(answer.status(), 200, "{record}: {}", answer.reason());
                continue;
            }
            assert_eq!(answer.error(), invalid_grant(), "{record}");
            let reason = "its family began before a not-before moment";
            assert_eq!(answer.reason(), reason, "{record}");
            assert!(answer.log()["family"].is_string());
            assert_eq!(people.fixture.store.families(), left, "{record}");
        }
        // The families have ended, whatever becomes of the moment.
        people.not_before(json!({ "version": 1 }));
        if is_void {
            assert_eq!(refresh().error(), invalid_grant(), "{record}");
            assert_eq!(redeem().error(), invalid_grant(), "{record}");
            assert!(!people.is_active(&tokens.text("access_token")), "{record}");
        }
        // Those that begin after it are as good as ever.
        people.not_before(&record);
        let tokens = people.tokens("openid");
        assert!(people.is_active(&tokens.text("access_token")), "{record}");
        assert!(people.is_active(&tokens.text("refresh_token")), "{record}");
        assert_eq!(
            people.refresh(&tokens.text("refresh_token"), "").status(),
            200
        );
    }
}

/// The person signed in before the moment, whenever the code is redeemed.
#[test]
fn a_family_begins_when_its_request_does() {
    let mut people = realm("rfc9068", json!({}));
    let asked = people.ask("app", "&scope=openid");
    people.later(10);
    people.not_before(json!({ "version": 1, "realm": NOW + 5 }));
    people.accept(&asked, json!({}));
    let code = people.resume(&asked).location("code").unwrap();
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn a_refresh_token_of_a_client_for_itself_is_void_by_its_subject_too() {
    for (record, is_void) in [
        (json!({ "realm": NOW + 5 }), true),
        (json!({ "clients": { "machine": NOW + 5 } }), true),
        (json!({ "subjects": { "4711": NOW + 5 } }), true),
        (json!({ "subjects": { "machine": NOW + 5 } }), false),
        (json!({ "realm": NOW }), false),
    ] {
        let mut people = realm("keycloak", json!({}));
        people.register("machine", |client| {
            client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
            client.subject = Some("4711".to_owned());
        });
        let form = "grant_type=client_credentials&scope=offline_access";
        let refresh = people.token("machine", form).text("refresh_token");
        people.later(10);
        let mut record = record;
        record["version"] = json!(1);
        people.not_before(&record);
        assert_eq!(people.is_active(&refresh), !is_void, "{record}");
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let answer = people.token("machine", &form);
        assert_eq!(answer.status() == 400, is_void, "{record}");
    }
}

/// An exchanged token is younger than the moment, and its family is not.
#[test]
fn an_exchanged_token_is_void_with_the_family_that_it_came_from() {
    for (record, is_void) in [
        (json!({ "realm": NOW + 5 }), true),
        (json!({ "clients": { "app": NOW + 5 } }), true),
        (json!({ "subjects": { "1302": NOW + 5 } }), true),
        (json!({ "clients": { "api": NOW + 5 } }), false),
        (json!({ "clients": { "api": NOW + 11 } }), true),
        (json!({ "subjects": { "api": NOW + 11 } }), false),
        (json!({ "realm": NOW }), false),
    ] {
        let mut people = realm("rfc9068", json!({}));
        let token = people.tokens("openid+read").text("access_token");
        people.later(10);
        let exchanged = people.exchange(&token).text("access_token");
        assert_eq!(claims_of(&exchanged)["iat"], NOW + 10);
        let mut record = record;
        record["version"] = json!(1);
        people.not_before(&record);
        let told = people.introspect("inspector", &exchanged);
        assert_eq!(told.json() == inactive(), is_void, "{record}");
        assert_eq!(
            people.exchange(&exchanged).status() == 400,
            is_void,
            "{record}"
        );
        // Where the exchanging client alone is named, the first token holds.
        let of_first = record["clients"].get("api").is_none() && is_void;
        assert_eq!(people.is_active(&token), !of_first, "{record}");
    }
}

#[test]
fn keycloaks_responses_tell_the_realms_moment() {
    let people = realm("keycloak", json!({}));
    let token =
        |form: &str| people.token("machine", &format!("grant_type=client_credentials{form}"));
    for (record, policy) in [
        (json!({ "version": 1 }), 0),
        (json!({ "version": 1, "realm": NOW - 7 }), NOW - 7),
        (json!({ "version": 1, "clients": { "machine": NOW } }), 0),
    ] {
        people.not_before(&record);
        let tokens = people.tokens("openid+read");
        let refreshed = people.refresh(&tokens.text("refresh_token"), "");
        let exchanged = people.exchange(&tokens.text("access_token"));
        let plain = token("");
        let offline = token("&scope=offline_access");
        for answer in [tokens, refreshed, exchanged, plain, offline] {
            assert_eq!(answer.json()["not-before-policy"], policy, "{record}");
        }
    }
    for dialect in DIALECTS
        .into_iter()
        .filter(|dialect| *dialect != "keycloak")
    {
        let people = realm(dialect, json!({}));
        people.not_before(json!({ "version": 1, "realm": NOW - 7 }));
        let tokens = people.tokens("openid").json();
        assert_eq!(tokens.get("not-before-policy"), None, "{dialect}");
    }
}

#[test]
fn a_record_that_cannot_be_used_stops_all_that_depends_on_it() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({ "refresh_token_grace": 0 }));
        let tokens = people.tokens("openid+read");
        let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
        let code = people.code("app", "&scope=openid", json!({}));
        let registrar = people.machine();
        for record in UNUSABLE {
            people.not_before(record);
            for (name, answer) in [
                ("introspection", people.introspect("app", &access)),
                ("of a refresh token", people.introspect("app", &refresh)),
                ("refresh", people.refresh(&refresh, "")),
                ("redemption", people.redeem(&code, "")),
                ("userinfo", people.userinfo(&access)),
                ("token exchange", people.exchange(&access)),
                ("registration", people.register_with(&registrar)),
            ] {
                assert_eq!(answer.error(), unavailable(), "{dialect}, {name}: {record}");
                let reason = "unusable record at key `not-before/default`";
                assert!(answer.reason().contains(reason), "{}", answer.reason());
            }
            let own = people.token("machine", "grant_type=client_credentials");
            let expected = if dialect == "keycloak" { 503 } else { 200 };
            assert_eq!(own.status(), expected, "{dialect}: {record}");
        }
        people
            .fixture
            .store
            .put_at("not-before/default".into(), Err(StoreError::Timeout));
        assert_eq!(people.introspect("app", &access).error(), unavailable());
        assert_eq!(people.refresh(&refresh, "").error(), unavailable());
        // Nothing was used up: there is no grace here in which it could be tried again.
        people.not_before(json!({ "version": 1 }));
        assert_eq!(people.refresh(&refresh, "").status(), 200, "{dialect}");
        assert_eq!(people.redeem(&code, "").status(), 200, "{dialect}");
    }
}

#[test]
fn a_client_that_asks_for_itself_reads_its_record_alone() {
    for (dialect, expected) in DIALECTS.into_iter().zip([1, 2, 1, 1]) {
        let people = realm(dialect, json!({}));
        let before = people.fixture.store.reads();
        let answer = people.token("machine", "grant_type=client_credentials&scope=read");
        assert_eq!(answer.status(), 200);
        assert_eq!(people.fixture.store.reads() - before, expected, "{dialect}");
        assert_eq!(people.fixture.store.acts(), 0, "{dialect}");
    }
}

#[test]
fn the_moments_of_one_realm_are_no_others() {
    let realm = |name: &str| json!({ "issuer": format!("https://auth.example/realms/{name}") });
    let realms = json!({ "default": realm("default"), "other": realm("other") });
    let fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    let record = json!({ "version": 1, "realm": NOW + 1 }).to_string();
    fixture.store.put_at("not-before/other".into(), Ok(record));
    let token = fixture.token("").json()["access_token"].clone();
    let answer = fixture.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post(
            "/realms/default/introspect",
            &format!("token={}", token.as_str().unwrap()),
        )
    });
    assert_eq!(answer.json()["active"], true);
}
