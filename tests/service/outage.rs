//! Storage that fails for a time: whom an isolate goes on to serve, from what it has read before, for
//! how long, and what it says of it (RFC 5861 §4).

use edge_token::store::{Age, Copies};
use edge_token::time::Seconds;

use super::*;

const GRANT: &str = "grant_type=client_credentials";

/// A realm in which copies may be as old as that.
fn fixture(more: Value) -> Fixture {
    let mut realm = json!({ "issuer": ISSUER, "client_max_age": 0 });
    for (member, value) in more.as_object().unwrap() {
        realm[member] = value.clone();
    }
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", |_| ());
    fixture.store.remember();
    fixture
}

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

fn outage() -> StoreError {
    StoreError::Unavailable {
        detail: "KV GET failed: 503".into(),
    }
}

impl Fixture {
    fn at_second(&mut self, seconds: u64) -> &Self {
        self.now = UnixTime::from_seconds(NOW + seconds);
        self
    }

    fn begin_outage(&self) {
        self.put(&id("app"), Err(outage()));
        let key = "not-before/default".to_owned();
        self.store.put_at(key, Err(outage()));
    }
}

#[test]
fn without_being_told_nobody_is_served_from_a_copy() {
    let mut fixture = fixture(json!({}));
    assert_eq!(fixture.token("").status(), 200);
    fixture.begin_outage();
    assert_eq!(fixture.at_second(1).token("").status(), 503);
}

#[test]
fn a_good_record_is_used_for_the_time_that_was_said_and_the_line_says_how_old_it_is() {
    for error in [outage(), StoreError::Timeout] {
        let mut fixture = fixture(json!({ "stale_if_error": 300 }));
        let good = fixture.token("");
        assert_eq!(good.log()["record_age"], Value::Null);
        assert_eq!(good.log()["level"], "info");
        fixture.put(&id("app"), Err(error.clone()));
        for (second, expected) in [(10, 200), (299, 200), (300, 503), (1000, 503)] {
            let answer = fixture.at_second(second).token("");
            assert_eq!(answer.status(), expected, "{second}");
            let log = answer.log();
            if expected == 200 {
                assert_eq!(answer.claims()["client_id"], "app");
                assert_eq!(log["record_age"], second);
                assert_eq!(log["storage_error"], error.to_string());
                assert_eq!(log["level"], "warning");
                assert!(matches!(answer.log, Some(Log::Warning(_))));
            } else {
                assert_eq!(log["level"], "error");
                assert_eq!(log["reason"], error.to_string());
            }
        }
        // It is over.
        fixture.register("app", |_| ());
        let answer = fixture.token("");
        assert_eq!(
            (answer.status(), &answer.log()["record_age"]),
            (200, &Value::Null)
        );
    }
}

#[test]
fn storage_that_failed_is_asked_again_after_5_seconds() {
    let mut fixture = fixture(json!({ "stale_if_error": 300 }));
    assert_eq!(fixture.token("").status(), 200);
    fixture.begin_outage();
    let mut asked = Vec::new();
    for second in [10, 11, 14, 15, 16, 20] {
        let before = fixture.store.reads();
        let answer = fixture.at_second(second).token("");
        assert_eq!(answer.log()["record_age"], second);
        asked.push(fixture.store.reads() - before);
    }
    assert_eq!(asked, [1, 0, 0, 1, 0, 1]);
}

#[test]
fn what_an_outage_does_not_change_is_still_refused() {
    let mut fixture = fixture(json!({ "stale_if_error": 300 }));
    fixture.register("app", |client| {
        client.secrets[0].expires_at = Some(UnixTime::from_seconds(NOW + 20));
    });
    assert_eq!(fixture.token("").status(), 200);
    fixture.begin_outage();
    fixture.at_second(10);
    assert_eq!(
        fixture.token_as(&basic("app", "wrong"), GRANT).status(),
        401
    );
    assert_eq!(fixture.token("&scope=delete").status(), 400);
    // A client of which nothing is known is not said to be unknown.
    fixture.put(&id("other"), Err(outage()));
    assert_eq!(
        fixture.token_as(&basic("other", SECRET), GRANT).status(),
        503
    );
    let answer = fixture.at_second(20).token("");
    assert_eq!(answer.status(), 401);
    assert!(answer.reason().contains("expired"), "{}", answer.reason());
}

/// What happens to a record, and the status of a request before the outage and in it.
type Change<'a> = (&'a dyn Fn(&Fixture), u16, u16);

#[test]
fn what_was_taken_away_before_the_outage_does_not_come_back() {
    let disabled = |fixture: &Fixture| fixture.register("app", |client| client.disabled = true);
    let deleted = |fixture: &Fixture| fixture.store.remove_at("client/default/app");
    let newer = |fixture: &Fixture| fixture.put(&id("app"), Ok(r#"{"version":2}"#.into()));
    let older = |fixture: &Fixture| fixture.put(&id("app"), Ok(r#"{"version":0}"#.into()));
    let changes: [Change<'_>; 4] = [
        (&disabled, 401, 401),
        (&deleted, 401, 503),
        (&newer, 503, 503),
        (&older, 503, 503),
    ];
    for (number, (change, before, during)) in changes.into_iter().enumerate() {
        let mut fixture = fixture(json!({ "stale_if_error": 300 }));
        assert_eq!(fixture.token("").status(), 200);
        change(&fixture);
        assert_eq!(fixture.at_second(1).token("").status(), before, "{number}");
        fixture.begin_outage();
        assert_eq!(fixture.at_second(2).token("").status(), during, "{number}");
    }
}

#[test]
fn a_clock_that_was_set_back_makes_no_copy_younger() {
    let mut fixture = fixture(json!({ "stale_if_error": 300, "client_max_age": 30 }));
    assert_eq!(fixture.at_second(100).token("").status(), 200);
    fixture.begin_outage();
    assert_eq!(fixture.at_second(99).token("").status(), 503);
    assert_eq!(fixture.at_second(101).token("").status(), 200);
    // Nor keeps it storage from being asked, when it failed in what is the future now.
    assert_eq!(fixture.at_second(150).token("").log()["record_age"], 50);
    fixture.register("app", |_| ());
    assert_eq!(
        fixture.at_second(140).token("").log()["record_age"],
        Value::Null
    );
}

#[test]
fn what_is_read_after_the_clock_was_set_back_replaces_what_was_read_before() {
    for back in [6, 60, 3600] {
        let mut fixture = fixture(json!({ "stale_if_error": 300, "client_max_age": 60 }));
        assert_eq!(fixture.at_second(4000).token("").status(), 200);
        fixture.register("app", |client| client.disabled = true);
        let status = fixture.at_second(4000 - back).token("").status();
        assert_eq!(status, 401, "{back}");
        // Nor does it come back when its time comes again.
        fixture.begin_outage();
        assert_eq!(
            fixture.at_second(4001).token("").status(),
            if back < 300 { 401 } else { 503 }
        );
    }
}

#[test]
fn made_up_names_take_nobodys_place() {
    let mut fixture = fixture(json!({ "stale_if_error": 300 }));
    assert_eq!(fixture.token("").status(), 200);
    for number in 0..3000 {
        let authorization = basic(&format!("made-up-{number}"), "x");
        assert_eq!(fixture.token_as(&authorization, GRANT).status(), 401);
    }
    fixture.begin_outage();
    assert_eq!(fixture.at_second(10).token("").status(), 200);
    // One that comes to exist is known at once: that it did not is not remembered.
    fixture.register("made-up-1", |_| ());
    assert_eq!(
        fixture
            .token_as(&basic("made-up-1", SECRET), GRANT)
            .status(),
        200
    );
}

#[test]
fn of_more_clients_than_there_is_room_for_the_one_unused_for_longest_goes() {
    let mut fixture = fixture(json!({ "stale_if_error": 300 }));
    let get = |fixture: &Fixture, number: u32| {
        let authorization = basic(&format!("client-{number}"), SECRET);
        fixture.token_as(&authorization, GRANT).status()
    };
    for number in 0..1000 {
        fixture.register(&format!("client-{number}"), |_| ());
        assert_eq!(get(&fixture, number), 200);
    }
    // The first one is used again, then two more come.
    assert_eq!(get(&fixture, 0), 200);
    for number in 1000..1002 {
        fixture.register(&format!("client-{number}"), |_| ());
        assert_eq!(get(&fixture, number), 200);
    }
    for number in 0..1002 {
        fixture.put(&id(&format!("client-{number}")), Err(outage()));
    }
    fixture.at_second(10);
    let lost = (0..1002).filter(|number| get(&fixture, *number) == 503);
    assert_eq!(lost.collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_fresh_copy_saves_the_look_up_and_a_change_is_known_when_it_is_old() {
    let mut fixture = fixture(json!({ "client_max_age": 20 }));
    let before = fixture.store.reads();
    for second in [0, 1, 19] {
        assert_eq!(fixture.at_second(second).token("").status(), 200);
    }
    assert_eq!(fixture.store.reads() - before, 1);
    fixture.register("app", |client| client.disabled = true);
    let answer = fixture.at_second(19).token("");
    assert_eq!(
        (answer.status(), &answer.log()["level"]),
        (200, &json!("info"))
    );
    assert_eq!(fixture.at_second(20).token("").status(), 401);
    // It is no help in an outage.
    fixture.register("app", |_| ());
    assert_eq!(fixture.at_second(40).token("").status(), 200);
    fixture.begin_outage();
    assert_eq!(fixture.at_second(59).token("").status(), 200);
    assert_eq!(fixture.at_second(60).token("").status(), 503);
}

#[test]
fn copies_are_fresh_for_half_a_minute_unless_the_realm_says_otherwise() {
    let mut fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets());
    fixture.register("app", |_| ());
    fixture.store.remember();
    let before = fixture.store.reads();
    for (second, reads) in [(0, 1), (29, 1), (30, 2), (59, 2), (60, 3)] {
        assert_eq!(fixture.at_second(second).token("").status(), 200);
        assert_eq!(fixture.store.reads() - before, reads, "{second}");
    }
}

#[test]
fn nobody_is_refused_by_a_copy() {
    let mut fixture = fixture(json!({ "client_max_age": 20 }));
    let (old, new) = (basic("app", SECRET), basic("app", "new-secret"));
    let status = |fixture: &Fixture, who: &str| fixture.token_as(who, GRANT).status();
    assert_eq!(status(&fixture, &old), 200);
    fixture.at_second(1);
    fixture.register("app", |client| {
        client.secrets = vec![stored_secret("s2", "new-secret")];
    });
    assert_eq!(status(&fixture, &old), 200);
    // The new one brings the new record.
    assert_eq!(status(&fixture, &new), 200);
    assert_eq!(status(&fixture, &old), 401);
    // Each that is refused asks storage, whether the record has changed or not, as for an id that nobody has.
    let reads = fixture.store.reads();
    for asked in 1..4 {
        assert_eq!(status(&fixture, &basic("app", "wrong")), 401);
        assert_eq!(fixture.store.reads() - reads, asked);
    }
    assert_eq!(status(&fixture, &new), 200);
    assert_eq!(fixture.store.reads() - reads, 3);
    // A client that is enabled again is served at once.
    fixture.register("app", |client| client.disabled = true);
    assert_eq!(status(fixture.at_second(30), &old), 401);
    fixture.at_second(31).register("app", |_| ());
    assert_eq!(status(&fixture, &old), 200);
    // Without storage nobody is told that they are wrong.
    fixture.begin_outage();
    assert_eq!(status(&fixture, &old), 200);
    assert_eq!(status(&fixture, &new), 503);
}

#[test]
fn a_copy_is_stale_for_so_long_after_it_was_fresh() {
    let mut fixture = fixture(json!({ "client_max_age": 20, "stale_if_error": 100 }));
    assert_eq!(fixture.token("").status(), 200);
    fixture.begin_outage();
    for (second, expected, age) in [
        (19, 200, Value::Null),
        (20, 200, json!(20)),
        (119, 200, json!(119)),
        (120, 503, Value::Null),
    ] {
        let answer = fixture.at_second(second).token("");
        assert_eq!(
            (answer.status(), &answer.log()["record_age"]),
            (expected, &age),
            "{second}"
        );
    }
}

#[test]
fn keycloaks_realms_go_on_with_the_moments_that_they_knew() {
    let realms = |more: u32| {
        json!({ "default": {
            "issuer": ISSUER, "dialect": "keycloak", "stale_if_error": more,
        } })
    };
    for (stale_if_error, expected) in [(0, 503), (300, 200)] {
        let mut fixture = Fixture::configured(realms(stale_if_error), &secrets());
        fixture.register("app", |_| ());
        let record = json!({ "version": 1, "realm": NOW - 9 }).to_string();
        fixture
            .store
            .put_at("not-before/default".into(), Ok(record));
        fixture.store.remember();
        let token = |fixture: &Fixture| {
            fixture.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                ..post("/realms/default/protocol/openid-connect/token", GRANT)
            })
        };
        assert_eq!(token(&fixture).json()["not-before-policy"], NOW - 9);
        fixture.begin_outage();
        fixture.at_second(60);
        let answer = token(&fixture);
        assert_eq!(answer.status(), expected);
        if expected == 200 {
            assert_eq!(answer.json()["not-before-policy"], NOW - 9);
            assert_eq!(answer.log()["record_age"], 60);
        }
    }
}

#[test]
fn a_time_out_of_bounds_is_a_realm_that_is_not_served() {
    for (member, value) in [
        ("stale_if_error", json!(86_401)),
        ("stale_if_error", json!(-1)),
        ("stale_if_error", json!("300")),
        ("client_max_age", json!(61)),
    ] {
        let answer = fixture(json!({ member: value })).token("");
        assert_eq!(answer.status(), 503);
        assert!(answer.reason().contains(member), "{}", answer.reason());
    }
    let answer = fixture(json!({ "stale_if_error": 86_400, "client_max_age": 60 })).token("");
    assert_eq!(answer.status(), 200);
}

/// What became of a question to the copies: asked, or answered by a copy, and how old that is.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    Asks,
    Copy(Option<u32>),
}

#[test]
fn while_storage_hangs_one_request_asks_and_the_others_go_on() {
    let copies = Copies::<u32>::new(10);
    let age = Age {
        max_age: Seconds(0),
        stale_if_error: Seconds(300),
    };
    let at = |second: u64| UnixTime::from_seconds(NOW + second);
    let see = |second| match copies.usable("app", age, at(second)) {
        None => Seen::Asks,
        Some((_, old)) => Seen::Copy(old.map(|Seconds(old)| old)),
    };
    copies.settle("app", age, at(0), Ok(Some(1))).unwrap();
    // A request a second, each of which waits 3 s if it asks.
    assert_eq!(see(10), Seen::Asks);
    assert_eq!(see(11), Seen::Asks);
    for began in [10, 11] {
        let (_, stale) = copies
            .settle("app", age, at(began), Err(StoreError::Timeout))
            .unwrap();
        assert_eq!(stale, Some((Seconds(began as u32), StoreError::Timeout)));
    }
    let seen = (13..24).map(see).collect::<Vec<_>>();
    let expected = (13..24).map(|second| match second {
        16 | 21 => Seen::Asks,
        second => Seen::Copy(Some(second)),
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    // Its answer ends the outage for all.
    copies.settle("app", age, at(21), Ok(Some(2))).unwrap();
    assert_eq!(see(24), Seen::Asks);
}

#[test]
fn a_slow_answer_brings_nothing_back() {
    let age = Age {
        max_age: Seconds(20),
        stale_if_error: Seconds(300),
    };
    let at = |second: u64| UnixTime::from_seconds(NOW + second);
    type Answer = Result<Option<u32>, StoreError>;
    let unusable = || StoreError::UnusableRecord {
        key: String::new(),
        error: edge_token::client::RecordError::Version(2),
    };
    let cases: [(Answer, Option<u32>); 3] = [
        (Ok(None), None),
        (Err(unusable()), None),
        (Ok(Some(2)), Some(2)),
    ];
    for (newer, expected) in cases {
        let copies = Copies::<u32>::new(10);
        copies.settle("app", age, at(0), Ok(Some(0))).unwrap();
        // Asked at 30 s, answered at 34 s, after what was asked at 31 s.
        _ = copies.settle("app", age, at(31), newer);
        copies.settle("app", age, at(30), Ok(Some(1))).unwrap();
        let now = copies.usable("app", age, at(34)).map(|(value, _)| *value);
        assert_eq!(now, expected);
        let during = copies.settle("app", age, at(60), Err(StoreError::Timeout));
        assert_eq!(
            during.ok().and_then(|(value, _)| value).map(|value| *value),
            expected
        );
        // A later answer counts.
        copies.settle("app", age, at(61), Ok(Some(3))).unwrap();
        assert_eq!(
            copies.usable("app", age, at(61)).map(|(value, _)| *value),
            Some(3)
        );
    }
}

#[test]
fn every_endpoint_goes_on_with_the_moments_that_are_known() {
    let mut fixture = fixture(json!({ "stale_if_error": 300 }));
    let token = fixture.token("").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let introspect = |fixture: &Fixture| {
        let body = format!("token={token}");
        let authorization = basic("app", SECRET);
        fixture.send(&Request {
            authorization: Some(&authorization),
            ..post("/realms/default/introspect", &body)
        })
    };
    let record = json!({ "version": 1, "realm": NOW - 1 }).to_string();
    fixture
        .store
        .put_at("not-before/default".into(), Ok(record));
    assert_eq!(introspect(&fixture).json()["active"], true);
    fixture.begin_outage();
    let answer = introspect(fixture.at_second(100));
    assert_eq!(answer.json()["active"], true);
    assert_eq!(answer.log()["level"], "warning");
    assert_eq!(answer.log()["record_age"], 100);
    // The token itself ends as ever.
    assert_eq!(introspect(fixture.at_second(299)).json()["active"], true);
    assert_eq!(introspect(fixture.at_second(300)).status(), 503);
}
