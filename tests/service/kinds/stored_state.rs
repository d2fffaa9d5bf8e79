//! What is stored and handed out outlives a version: a later format is refused or a 503, says so in
//! the log, and is left as it was.

use edge_token::not_before::NotBefore;

use super::super::people::{CALLBACK, PKCE, People, VERIFIER, encoded};
use super::super::*;

/// Lets every family say that it is of a later format, or of the first one again.
fn stored_as(people: &People, format: u64) {
    people.fixture.store.change_families(|_, text| {
        let mut family = serde_json::from_str::<Value>(text).unwrap();
        family["format"] = json!(format);
        *text = family.to_string();
    });
}

fn families(people: &People) -> Vec<String> {
    let all = std::cell::RefCell::new(Vec::new());
    let note = |name: &str, text: &mut String| all.borrow_mut().push(format!("{name} {text}"));
    people.fixture.store.change_families(note);
    all.into_inner()
}

/// A call of the client `app`.
fn call(people: &People, path: &str, form: &str) -> Answer {
    people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post(path, form)
    })
}

/// A token, code or ticket of a later version.
const LATER: [&str; 3] = ["2.AAAA", "3.dG9rZW4", "12.x.y"];

#[test]
fn a_family_of_a_later_format_is_a_503_and_stays_as_it_is() {
    let people = People::new();
    let code = people.code("app", "&scope=openid+read", json!({}));
    let token = people.redeem(&code, "").text("refresh_token");
    for format in [2, 7] {
        stored_as(&people, format);
        let before = families(&people);
        for answer in [
            people.refresh(&token, ""),
            people.redeem(&code, ""),
            call(&people, "/introspect", &format!("token={token}")),
            call(&people, "/revoke", &format!("token={token}")),
        ] {
            let unavailable = (503, "temporarily_unavailable".to_owned());
            assert_eq!(answer.error(), unavailable);
            assert!(answer.header("retry-after").is_some());
            let reason = answer.reason();
            let said = format!("format {format}, which only a later version");
            assert!(reason.contains(&said), "{reason}");
        }
        assert_eq!(families(&people), before);
    }
    // Rolled forward, or back by the version that wrote it, everybody goes on.
    stored_as(&people, 1);
    assert_eq!(people.refresh(&token, "").status(), 200);
}

#[test]
fn a_family_that_says_no_format_goes_on() {
    let people = People::new();
    let asked = people.ask("app", "&scope=openid+offline_access");
    let plain = |people: &People| {
        people.fixture.store.change_families(|_, text| {
            let mut family = serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(
                family.as_object_mut().unwrap().remove("format"),
                Some(json!(1))
            );
            *text = family.to_string();
        });
    };
    plain(&people);
    people.accept(&asked, json!({}));
    plain(&people);
    let code = people.resume(&asked).location("code").unwrap();
    plain(&people);
    let token = people.redeem(&code, "").text("refresh_token");
    plain(&people);
    assert_eq!(people.refresh(&token, "").status(), 200);
}

#[test]
fn what_a_later_version_handed_out_is_refused_and_the_log_says_why() {
    let people = People::new();
    let acts = people.fixture.store.acts();
    for later in LATER {
        let code = people.redeem(later, "");
        let refresh = people.refresh(later, "");
        for answer in [code, refresh] {
            assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
            assert!(
                answer.reason().contains("later version"),
                "{}",
                answer.reason()
            );
        }
        // A ticket at the login application's endpoints.
        for (path, more) in [
            ("/authorize/ticket", json!({})),
            ("/authorize/accept", json!({ "sub": "1302" })),
            ("/authorize/reject", json!({ "error": "access_denied" })),
        ] {
            let mut body = more;
            body["ticket"] = json!(later);
            let answer = people.login(path, &body);
            assert_eq!(answer.error(), (400, "invalid_grant".to_owned()), "{path}");
            assert!(answer.reason().contains("later version"), "{path}");
        }
        // A request URI, and what a browser comes back with.
        let uri = encoded(&format!("urn:ietf:params:oauth:request_uri:{later}"));
        let pages = [
            people.authorize(&format!("client_id=app&request_uri={uri}")),
            people.send(&Request {
                method: "GET",
                path: "/authorize/resume",
                query: &format!("decision={later}"),
                ..Request::default()
            }),
        ];
        for page in pages {
            assert_eq!(page.status(), 400);
            assert!(page.reason().contains("later version"), "{}", page.reason());
        }
    }
    assert_eq!(people.fixture.store.acts(), acts, "no object was asked");
}

/// RFC 7009 §2.2 knows a 200 for what was revoked and what is not good any more. This is neither.
#[test]
fn nothing_says_that_what_a_later_version_handed_out_is_revoked() {
    let people = People::new();
    for later in LATER {
        let answer = call(&people, "/revoke", &format!("token={later}"));
        assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
        let answer = call(&people, "/logout", &format!("refresh_token={later}"));
        assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
        let answer = call(&people, "/introspect", &format!("token={later}"));
        assert_eq!(answer.json(), json!({ "active": false }));
        assert!(
            answer.reason().contains("later version"),
            "{}",
            answer.reason()
        );
    }
}

#[test]
fn a_replay_record_of_a_later_format_is_a_503() {
    let people = People::new();
    let code = people.code("app", "&scope=openid+read", json!({}));
    let token = people.redeem(&code, "").text("access_token");
    let revoked = call(&people, "/revoke", &format!("token={token}"));
    assert_eq!(revoked.status(), 200);
    let introspect = || call(&people, "/introspect", &format!("token={token}"));
    assert_eq!(introspect().json(), json!({ "active": false }));
    for (stored, said) in [
        (
            r#"{"format":2,"until":1800000500}"#,
            "replay record of format 2",
        ),
        (r#"{"format":3}"#, "replay record of format 3"),
        ("soon", "replay record that is of no format"),
    ] {
        let records = &people.fixture.store;
        records.change_replay_records(|text| stored.clone_into(text));
        assert_eq!(introspect().status(), 503);
        assert!(
            introspect().reason().contains(said),
            "{}",
            introspect().reason()
        );
        let again = call(&people, "/revoke", &format!("token={token}"));
        assert_eq!(again.status(), 503);
        records.change_replay_records(|text| assert_eq!(text, stored));
    }
}

/// Two versions behind one host: a code of the one, with PKCE, is redeemed by the other.
#[test]
fn what_was_handed_out_in_the_first_format_has_no_prefix() {
    let people = People::new();
    let asked = people.ask("spa", PKCE);
    assert_eq!(asked.ticket.len(), 64);
    people.accept(&asked, json!({}));
    let code = people.resume(&asked).location("code").unwrap();
    let uri = encoded(CALLBACK);
    let form = format!(
        "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={uri}\
         &code_verifier={VERIFIER}"
    );
    let token = people.token("spa", &form);
    for (text, length) in [(code, 64), (token.text("refresh_token"), 112)] {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(
            text.len() == length && text.bytes().all(is_base64url),
            "{text}"
        );
    }
}

/// Client records of each form that earlier versions wrote, by the commits that `records.json` names.
/// Written again they are what they were: a member that is not used is not written, so a version that
/// does not know it still reads the record.
#[test]
fn records_that_earlier_versions_wrote_are_read_and_written_as_they_were() {
    let all = serde_json::from_str::<Vec<Value>>(include_str!("records.json")).unwrap();
    assert_eq!(all.len(), 5);
    for entry in all {
        let (commit, record) = (
            &entry["written_by_commit"],
            entry["record"].as_str().unwrap(),
        );
        let read = Client::parse(record, &ClientId::parse("app").unwrap());
        let read = read.unwrap_or_else(|error| panic!("{commit}: {error}"));
        assert_eq!(serde_json::to_string(&read).unwrap(), record, "{commit}");
    }
    // Not-before times, of 5cbbc91.
    let text = r#"{"version":1,"realm":1795383939,"clients":{"app":7},"subjects":{},"updated_at":8,"updated_by":"alice"}"#;
    let times = NotBefore::parse(text).unwrap();
    let written = times.to_record(UnixTime::from_seconds(8), "alice");
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&written), json(text));
}

/// It could be a restriction that only a later version knows.
#[test]
fn a_record_with_a_member_of_a_later_version_is_a_503() {
    let fixture = Fixture::new();
    let id = ClientId::parse("app").unwrap();
    let known = r#"{"version":1,"client_id":"app","grant_types":["client_credentials"],"scope":"read","token_endpoint_auth_method":"none","updated_at":1,"updated_by":"x"}"#;
    for record in [
        known.replacen("\"version\":1", "\"version\":2", 1),
        known.replacen("\"version\":1", "\"version\":1,\"only_at_night\":true", 1),
        known.replacen("\"version\":1,", "", 1),
    ] {
        fixture.put(&id, Ok(record.clone()));
        assert_eq!(fixture.token("").status(), 503, "{record}");
        assert!(
            fixture
                .token("")
                .reason()
                .contains("unusable record at key `client/default/app`")
        );
    }
}
