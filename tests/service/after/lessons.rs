//! What token services have got wrong before, each as a test that would have noticed.

use super::*;

/// What the service itself says of each of these failures, and nobody outside may read.
const INTERNAL: [&str; 12] = [
    "storage",
    "KV",
    "Durable",
    "record",
    "not-before",
    "client/default",
    "kv-4711",
    "panicked",
    "member",
    "src/",
    "serde",
    "unusable",
];

/// A resource server asked about a token that somebody was given for another one, was told that it is
/// active, and let them in.
#[test]
fn introspection_that_ignored_the_audience() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        people.register("api-b", |client| {
            client.grant_types.clear();
            client.resources = vec!["urn:b".to_owned()];
        });
        let person = people.tokens("openid+read").text("access_token");
        for token in [&person, &people.machine()] {
            assert_eq!(claims_of(token)["aud"], API, "{dialect}");
            assert_eq!(people.introspect("api", token).json()["active"], true);
            let answer = people.introspect("api-b", token);
            assert_eq!(answer.response.body, r#"{"active":false}"#, "{dialect}");
        }
        // Nor does the other way round: for both is for each.
        people.register("machine", |client| {
            client.grant_types = vec!["client_credentials".into()];
            client.audience = vec!["urn:b".to_owned(), API.to_owned()];
        });
        let for_both = people.machine();
        let for_b = people.token("machine", "grant_type=client_credentials&resource=urn:b");
        for (token, [by_api, by_b]) in [
            (for_both, [true, true]),
            (for_b.text("access_token"), [false, true]),
        ] {
            for (caller, expected) in [("api", by_api), ("api-b", by_b)] {
                let told = people.introspect(caller, &token).json();
                assert_eq!(told["active"], expected, "{dialect} {caller}");
            }
        }
    }
}

/// Storage failed, the answer was 200, and the client forgot a token that went on.
#[test]
fn a_storage_error_at_revocation_reported_as_success() {
    for failure in [
        StoreError::Unavailable {
            detail: "overloaded".into(),
        },
        StoreError::Timeout,
        StoreError::UnreadableAct,
    ] {
        for member in ["access_token", "refresh_token"] {
            let people = realm("rfc9068", json!({}));
            let token = people.tokens("openid").text(member);
            people.fixture.store.fail_acts(Some(failure.clone()));
            let answer = people.revoke("app", &token);
            assert_eq!(answer.error(), unavailable(), "{member}");
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.log()["outcome"], "failed");
            people.fixture.store.fail_acts(None);
            assert!(people.is_active(&token), "{member}");
            assert_eq!(people.revoke("app", &token).status(), 200);
            assert!(!people.is_active(&token), "{member}");
        }
    }
}

/// Something that was no form went where only forms were expected.
#[test]
fn an_odd_content_type_turned_into_a_500() {
    let types = [
        None,
        Some(""),
        Some(" "),
        Some(";"),
        Some("/"),
        Some("application"),
        Some("application/"),
        Some("application/json"),
        Some("application/x-www-form-urlencodedx"),
        Some("application/x-www-form-urlencoded; boundary=x"),
        Some("application/x-www-form-urlencoded, application/json"),
        Some("multipart/form-data"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain; charset=\u{7f}"),
        Some("text/html"),
        Some("\u{0}"),
        Some("ä/ö"),
        Some("application/octet-stream"),
    ];
    let bodies: [&[u8]; 5] = [
        b"token=x",
        b"{\"token\":\"x\"}",
        b"--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--x--\r\n",
        b"",
        b"\xff\x00",
    ];
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let expected = if dialect == "keycloak" { 415 } else { 400 };
        for path in ["/introspect", "/revoke"] {
            for content_type in types {
                for body in bodies {
                    let answer = people.send(&Request {
                        authorization: Some(&basic("app", SECRET)),
                        content_type,
                        body,
                        ..post(path, "")
                    });
                    let error = (expected, "invalid_request".to_owned());
                    assert_eq!(answer.error(), error, "{dialect} {path} {content_type:?}");
                }
            }
            // And what is a form by its type alone.
            for body in &bodies[1..] {
                let answer = people.send(&Request {
                    authorization: Some(&basic("app", SECRET)),
                    body,
                    ..post(path, "")
                });
                assert_eq!(answer.error(), (400, "invalid_request".into()), "{path}");
            }
        }
        assert_eq!(people.fixture.store.reads(), 0, "{dialect}");
    }
}

/// Whoever had found a refresh token could use it, ask about it or end it.
#[test]
fn refresh_without_client_authentication() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    for (authorization, more) in [
        (None, ""),
        (None, "&client_id=app"),
        (None, "&client_id=app&client_secret="),
        (None, "&client_id=app&client_secret=wrong"),
        (None, "&client_id=nobody"),
        (Some(basic("app", "")), ""),
        (Some(basic("app", "wrong")), ""),
        (Some(basic("", "")), ""),
        (Some(format!("Bearer {access}")), ""),
        (Some(format!("Bearer {refresh}")), "&client_id=app"),
    ] {
        let grant = format!("grant_type=refresh_token&refresh_token={refresh}{more}");
        let of_refresh = format!("token={refresh}{more}");
        let of_access = format!("token={access}{more}");
        for (path, form) in [
            ("/token", &grant),
            ("/introspect", &of_refresh),
            ("/introspect", &of_access),
            ("/revoke", &of_refresh),
            ("/revoke", &of_access),
        ] {
            let answer = people.send(&Request {
                authorization: authorization.as_deref(),
                ..post(path, form)
            });
            assert_eq!(answer.error(), invalid_client(), "{path} {more}");
        }
    }
    // A client of its own, but not the one.
    for id in ["other", "login"] {
        people.register(id, |_| ());
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(people.token(id, &form).error(), invalid_grant(), "{id}");
        assert_eq!(people.introspect(id, &refresh).json(), inactive(), "{id}");
        assert_eq!(people.revoke(id, &refresh).error(), invalid_grant(), "{id}");
    }
    assert!(people.is_active(&access) && people.is_active(&refresh));
    assert_eq!(people.refresh(&refresh, "").status(), 200);
}

/// An answer quoted what a library, a store or a stack said.
#[test]
fn internal_error_text_sent_to_callers() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let tokens = people.tokens("openid+read");
        let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
        let detail = "kv-4711: serde panicked at src/store.rs in record client/default/app";
        let unavailable_store = || StoreError::Unavailable {
            detail: detail.to_owned(),
        };
        let store = &people.fixture.store;
        let answers = || {
            vec![
                people.introspect("app", &access),
                people.introspect("app", &refresh),
                people.introspect("app", "x"),
                people.revoke("app", &access),
                people.revoke("app", &refresh),
                people.revoke("app", "x"),
                people.refresh(&refresh, ""),
                people.userinfo(&access),
                people.exchange(&access),
            ]
        };
        let mut all = Vec::new();
        store.fail_acts(Some(unavailable_store()));
        all.extend(answers());
        store.fail_acts(None);
        store.put_at("not-before/default".into(), Err(unavailable_store()));
        all.extend(answers());
        people.not_before(r#"{"version":1,"realm":"kv-4711"}"#);
        all.extend(answers());
        people.not_before(json!({ "version": 1 }));
        store.put_at("client/default/app".into(), Err(unavailable_store()));
        all.extend(answers());
        store.put_at("client/default/app".into(), Ok(r#"{"kv-4711":1}"#.into()));
        all.extend(answers());
        let mut failed = 0;
        for answer in &all {
            let sent = answer.sent();
            for word in INTERNAL {
                assert!(!sent.contains(word), "{dialect}: {word} in {sent}");
            }
            assert_ne!(answer.status(), 500, "{dialect}: {sent}");
            failed += usize::from(answer.status() == 503);
            // The operator reads it all.
            if answer.status() == 503 {
                assert!(!answer.reason().is_empty());
            }
        }
        assert!(failed >= 25, "{dialect}: {failed}");
    }
}
