//! What an operator is told of keys that near their end, and of realms that cannot sign.

use super::*;

const DAY: u64 = 24 * 60 * 60;

/// The warnings of a service whose realm `default` has those keys.
fn warnings(keys: &[&SigningKey]) -> Vec<Log> {
    let secrets = HashMap::from([("SIGNING_KEYS", jwk_set(keys))]);
    let realms = json!({ "default": { "issuer": ISSUER } });
    told(&Fixture::configured(realms, &secrets))
}

fn told(fixture: &Fixture) -> Vec<Log> {
    fixture.service.key_warnings(fixture.now)
}

/// The only line, of that kind.
fn only(warnings: &[Log], is_error: bool) -> Value {
    let [line] = warnings else {
        panic!("one line: {warnings:?}");
    };
    let (Log::Info(text) | Log::Warning(text) | Log::Error(text)) = line;
    assert_eq!(matches!(line, Log::Error(_)), is_error, "{text}");
    assert_eq!(matches!(line, Log::Warning(_)), !is_error, "{text}");
    let line: Value = serde_json::from_str(text).unwrap();
    let level = if is_error { "error" } else { "warning" };
    assert_eq!(
        (&line["level"], &line["event"]),
        (&json!(level), &json!("keys"))
    );
    assert_eq!(line["time"], NOW);
    line
}

fn ending(seconds: u64) -> SigningKey {
    key(1, NOW - 1000, NOW + seconds)
}

#[test]
fn a_key_that_ends_within_30_days_is_warned_of() {
    for seconds in [31 * DAY, 30 * DAY + 1] {
        assert!(warnings(&[&ending(seconds)]).is_empty(), "{seconds}");
    }
    for (seconds, days) in [(30 * DAY, 30), (30 * DAY - 1, 29), (DAY, 1), (300, 0)] {
        let key = ending(seconds);
        let line = only(&warnings(&[&key]), false);
        assert_eq!(line["realm"], "default");
        let (kid, end) = (key.kid().as_str(), NOW + seconds);
        let reason = format!("its newest key {kid} ends at {end}, in {days} days: ");
        let told = line["reason"].as_str().unwrap();
        assert!(told.starts_with(&reason), "{told}");
    }
}

#[test]
fn a_newer_key_that_lives_longer_ends_the_warning() {
    let (old, new) = (ending(DAY), key(2, NOW + 300, NOW + 90 * DAY));
    assert!(warnings(&[&old, &new]).is_empty());
    let short = key(2, NOW + 300, NOW + 2 * DAY);
    let line = only(&warnings(&[&old, &short]), false);
    assert!(
        line["reason"]
            .as_str()
            .unwrap()
            .contains(short.kid().as_str())
    );
}

#[test]
fn a_time_without_a_key_between_two_is_warned_of() {
    // The old key signs its last token of 300 s when it has 300 s left.
    for (gap, is_told) in [(0, false), (1, true), (DAY, true)] {
        let old = ending(2 * DAY);
        let new = key(2, NOW + 2 * DAY - 300 + 1 + gap, NOW + 90 * DAY);
        let told = warnings(&[&old, &new]);
        assert_eq!(told.is_empty(), !is_told, "{gap}");
        if is_told {
            let reason = only(&told, false)["reason"].to_string();
            let from = NOW + 2 * DAY - 300 + 1;
            assert!(
                reason.contains(&format!("no key signs from {from}, in 1 days")),
                "{reason}"
            );
        }
    }
    // A newer key that is too short when it takes over.
    let (old, short) = (ending(90 * DAY), key(2, NOW + DAY, NOW + DAY + 299));
    assert_eq!(warnings(&[&old, &short]).len(), 1);
}

#[test]
fn a_realm_that_cannot_sign_is_an_error() {
    for (name, key) in [
        ("it has ended", key(1, 1, NOW)),
        ("it ends before a token would", ending(299)),
        ("it has not begun", key(1, NOW + 1, NOW + 90 * DAY)),
    ] {
        let line = only(&warnings(&[&key]), true);
        assert_eq!(line["realm"], "default", "{name}");
        let reason = format!("realm `default` has no key that signs for 300 s from {NOW}");
        assert_eq!(line["reason"], reason, "{name}");
    }
}

#[test]
fn a_broken_realm_is_an_error_and_the_others_are_told_of_all_the_same() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "broken": { "issuer": "https://auth.example/realms/broken", "signing_keys": ["NONE"] },
    });
    let good = HashMap::from([("SIGNING_KEYS", jwk_set(&[&ending(31 * DAY)]))]);
    let line = only(&told(&Fixture::configured(realms.clone(), &good)), true);
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("realm `broken`: no signing keys"),
        "{reason}"
    );
    let ending = HashMap::from([("SIGNING_KEYS", jwk_set(&[&ending(DAY)]))]);
    let all = told(&Fixture::configured(realms, &ending));
    let errors = all
        .iter()
        .filter(|log| matches!(log, Log::Error(_)))
        .count();
    let warnings = all
        .iter()
        .filter(|log| matches!(log, Log::Warning(_)))
        .count();
    assert_eq!((errors, warnings), (1, 1), "{all:?}");
    // No secret stands in any of them.
    assert!(!format!("{all:?}").contains("\"d\""));
    assert_eq!(told(&Fixture::configured(json!({}), &good)).len(), 1);
}
