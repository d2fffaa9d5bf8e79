//! When keys take over, as tables.

use super::*;
use crate::jose::SigningKeys;

const TTL: u32 = 300;
const HOUR: u32 = 3_600;
const YEAR: u64 = 365 * 24 * 3_600;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn key(kid: &str, not_before: u64, expiration: u64) -> KeyFact {
    KeyFact {
        kid: kid.to_owned(),
        not_before: at(not_before),
        expiration: at(expiration),
    }
}

fn slots(first: Slot, second: Slot) -> Slots {
    Slots {
        slots: [first, second],
        token_lifetime: Seconds(TTL),
    }
}

fn holds(key: KeyFact) -> Slot {
    Slot::known(vec![key])
}

fn empty() -> Slot {
    Slot::known(Vec::new())
}

const UNKNOWN: Slot = Slot {
    keys: None,
    pending: Vec::new(),
};

fn pending(held: Option<KeyFact>, pending: KeyFact) -> Slot {
    Slot {
        keys: Some(held.into_iter().collect()),
        pending: vec![vec![pending]],
    }
}

/// The slot that is chosen, and what is unsafe.
fn planned(slots: &Slots, now: u64, lead: u32) -> Result<(usize, Vec<Hazard>), NoPlan> {
    let plan = slots.plan(at(now), Seconds(lead), YEAR)?;
    let (from, until) = (plan.not_before.seconds(), plan.expiration.seconds());
    let spans = (from.checked_sub(now), until.checked_sub(from));
    assert_eq!(spans, (Some(lead.into()), Some(YEAR)));
    Ok((plan.slot, plan.hazards))
}

#[test]
fn two_rotations_in_a_row_are_refused_until_the_old_key_has_retired() {
    // The first key signs from 1,000, the second was added at 10,000 with a lead of an hour.
    let (old, new) = (key("a", 1_000, YEAR), key("b", 13_600, YEAR + 13_600));
    let first = slots(holds(old.clone()), empty());
    assert_eq!(planned(&first, 10_000, HOUR), Ok((1, vec![])));
    let both = slots(holds(old), holds(new));
    let retires = 13_600 + u64::from(TTL) + 60;
    let until = Some(at(retires));
    let busy = || vec![Hazard::NoFreeSlot { until }];
    for (now, expected) in [
        // Before the second key signs it is the one to give up, and then the first.
        (10_001, (1, busy())),
        (13_599, (1, busy())),
        (13_600, (0, busy())),
        (retires - 1, (0, busy())),
        (retires, (0, vec![])),
        (retires + 1_000_000, (0, vec![])),
    ] {
        assert_eq!(planned(&both, now, HOUR), Ok(expected), "at {now}");
    }
}

#[test]
fn the_free_slot_is_the_one_that_needs_nothing() {
    let signing = || holds(key("signing", 1_000, YEAR));
    let now = 100_000;
    for (name, first, second, expected) in [
        ("no secret", signing(), empty(), 1),
        ("no secret first", empty(), signing(), 0),
        ("expired", signing(), holds(key("x", 10, 90_000)), 1),
        ("retired", holds(key("x", 10, YEAR)), signing(), 0),
        (
            "empty beside retired",
            holds(key("x", 10, 50_000)),
            empty(),
            1,
        ),
        ("no facts, but the other is empty", UNKNOWN, empty(), 1),
        ("the other has no facts", empty(), UNKNOWN, 0),
    ] {
        let (slot, hazards) = planned(&slots(first, second), now, HOUR).unwrap();
        assert_eq!(slot, expected, "{name}");
        let hazards = hazards
            .iter()
            .filter(|hazard| !matches!(hazard, Hazard::Gap { .. }));
        assert_eq!(hazards.count(), 0, "{name}");
    }
}

#[test]
fn a_slot_without_facts_is_never_free_and_spares_the_key_that_signs() {
    let next = || holds(key("b", 200_000, YEAR));
    for (first, second, now, given_up, until) in [
        (UNKNOWN, UNKNOWN, 1_000, 1, None),
        (UNKNOWN, next(), 100_000, 1, Some(YEAR)),
        (UNKNOWN, next(), 300_000, 0, Some(YEAR)),
        (next(), UNKNOWN, 300_000, 1, Some(YEAR)),
    ] {
        let until = until.map(at);
        let expected = Ok((given_up, vec![Hazard::NoFreeSlot { until }]));
        assert_eq!(planned(&slots(first, second), now, HOUR), expected);
    }
}

#[test]
fn a_key_is_published_before_it_signs() {
    let one = slots(holds(key("a", 1_000, YEAR)), empty());
    for (lead, hazards) in [
        (0, vec![Hazard::Lead]),
        (359, vec![Hazard::Lead]),
        (360, vec![]),
    ] {
        assert_eq!(planned(&one, 10_000, lead), Ok((1, hazards)), "{lead}");
    }
    assert_eq!(LEAD, Seconds(360));
}

#[test]
fn a_gap_in_which_no_key_signs_is_found() {
    // The last moment at which `a` signs a token of 300 s is 20,000.
    let one = slots(holds(key("a", 1_000, 20_300)), empty());
    let gap = |from, until| {
        let (from, until) = (at(from), at(until));
        vec![Hazard::Gap { from, until }]
    };
    for (now, lead, hazards) in [
        (16_400, HOUR, vec![]),
        (16_401, HOUR, vec![]),
        (16_402, HOUR, gap(20_001, 20_002)),
        (16_402, HOUR - 1, vec![]),
        (20_001, HOUR, gap(20_001, 23_601)),
        (20_001, 400, gap(20_001, 20_401)),
        (20_001, 0, vec![Hazard::Lead]),
        (30_000, 0, vec![Hazard::Lead]),
    ] {
        let plan = planned(&one, now, lead).unwrap();
        assert_eq!(plan.1, hazards, "at {now}, lead {lead}");
    }
    // A newer key that ends too soon is no help, as the service has it.
    let two = slots(holds(key("a", 1_000, YEAR)), holds(key("b", 2_000, 5_000)));
    for (now, expected) in [
        (4_800, (0, gap(4_800, 8_400))),
        // Without `b`, `a` signs again.
        (5_000, (1, vec![])),
    ] {
        assert_eq!(planned(&two, now, HOUR), Ok(expected), "at {now}");
    }
}

#[test]
fn a_key_must_outlive_the_tokens_that_it_signs() {
    let one = slots(holds(key("a", 1_000, YEAR)), empty());
    for (lifetime, hazards) in [(299, vec![Hazard::Lifetime]), (300, vec![])] {
        let plan = one.plan(at(10_000), LEAD, lifetime).unwrap();
        assert_eq!(plan.hazards, hazards, "{lifetime}");
    }
}

#[test]
fn without_any_key_there_is_nothing_to_rotate() {
    let plan = planned(&slots(empty(), empty()), 1_000, HOUR);
    assert_eq!(plan, Err(NoPlan::NoKeys));
}

#[test]
fn a_write_that_did_not_finish_is_done_again_until_its_key_may_sign() {
    let old = key("a", 1_000, YEAR);
    let new = key("b", 13_600, YEAR);
    let retired = key("z", 10, YEAR);
    for held in [None, Some(retired)] {
        let both = slots(holds(old.clone()), pending(held, new.clone()));
        for (now, expected) in [
            (10_001, Ok((1, vec![]))),
            (13_540, Ok((1, vec![]))),
            (13_541, Err(NoPlan::Unsettled { slot: 1 })),
            (13_600, Err(NoPlan::Unsettled { slot: 1 })),
            // It may not be there: then the old key signs, however long.
            (1_000_000, Err(NoPlan::Unsettled { slot: 1 })),
            (YEAR, Ok((1, vec![]))),
        ] {
            let planned = planned(&both, now, HOUR).map(|(slot, mut hazards)| {
                hazards.retain(|hazard| !matches!(hazard, Hazard::Gap { .. }));
                (slot, hazards)
            });
            assert_eq!(planned, expected, "at {now}");
        }
    }
}

#[test]
fn every_write_that_did_not_finish_counts() {
    let mut twice = pending(None, key("b", 13_600, YEAR));
    twice.pending.push(vec![key("c", 20_000, YEAR)]);
    let both = slots(holds(key("a", 1_000, YEAR)), twice);
    let unsettled = Err(NoPlan::Unsettled { slot: 1 });
    assert_eq!(planned(&both, 13_000, HOUR), Ok((1, vec![])));
    assert_eq!(planned(&both, 14_000, HOUR), unsettled);
}

#[test]
fn the_timetable_follows_the_rule_by_which_keys_sign() {
    use State::*;

    let (a, b) = (key("a", 1_000, 50_000), key("b", 10_000, 90_000));
    let two = slots(holds(b), holds(a));
    for (now, states) in [
        (999, [Next, Next]),
        (1_000, [Signing, Next]),
        (9_999, [Signing, Next]),
        (10_000, [Retiring, Signing]),
        (10_359, [Retiring, Signing]),
        (10_360, [Retired, Signing]),
        (50_000, [Expired, Signing]),
        (89_700, [Expired, Signing]),
        (89_701, [Expired, Retiring]),
        (90_000, [Expired, Expired]),
    ] {
        let timetable = two.timetable(at(now));
        let found = timetable.iter().map(|entry| entry.state);
        assert_eq!(found.collect::<Vec<_>>(), states, "at {now}");
    }
    let timetable = two.timetable(at(0));
    let found = timetable.iter().map(|entry| {
        let moments = (entry.signs_until.seconds(), entry.retires_at.seconds());
        (entry.key.kid.as_str(), entry.slot, moments)
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [("a", 1, (10_000, 10_360)), ("b", 0, (89_700, 90_000))]
    );
}

#[test]
fn a_key_that_ends_before_its_last_tokens_would_retires_when_it_ends() {
    let two = slots(
        holds(key("a", 1_000, 10_200)),
        holds(key("b", 10_000, YEAR)),
    );
    let timetable = two.timetable(at(5_000));
    assert_eq!(timetable[0].signs_until, at(9_900));
    assert_eq!(timetable[0].retires_at, at(10_200));
    assert!(!two.is_free(0, at(10_199)));
    assert!(two.is_free(0, at(10_200)));
}

#[test]
fn of_two_keys_that_begin_together_the_greater_name_signs() {
    let two = slots(holds(key("b", 1_000, YEAR)), holds(key("a", 1_000, YEAR)));
    let timetable = two.timetable(at(1_000));
    let found = timetable
        .iter()
        .map(|entry| (entry.key.kid.as_str(), entry.state, entry.signs_until));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("a", State::Retiring, at(1_000)),
            ("b", State::Signing, at(YEAR - u64::from(TTL))),
        ]
    );
    assert!(two.is_free(1, at(1_360)) && !two.is_free(0, at(1_360)));
}

#[test]
fn a_pending_key_retires_no_other() {
    let old = holds(key("a", 1_000, YEAR));
    let both = slots(old, pending(None, key("b", 2_000, YEAR)));
    let timetable = both.timetable(at(100_000));
    let found = timetable.iter().map(|entry| entry.state);
    assert_eq!(found.collect::<Vec<_>>(), [State::Signing, State::Pending]);
    assert!(both.signs(at(100_000)));
}

#[test]
fn revocation_puts_a_new_key_where_none_would_sign() {
    let (a, b) = (|| key("a", 1_000, YEAR), || key("b", 10_000, YEAR));
    let both = || slots(holds(a()), holds(b()));
    for (name, slots, kid, now, expected) in [
        ("the one that signs", both(), "a", 5_000, Some((0, true))),
        ("the next", both(), "b", 5_000, Some((1, false))),
        ("the newest", both(), "b", 10_000, Some((1, true))),
        ("an old one", both(), "a", 10_000, Some((0, false))),
        (
            "the only one",
            slots(holds(a()), empty()),
            "a",
            5_000,
            Some((0, true)),
        ),
        (
            "the next of unknown ones",
            slots(UNKNOWN, holds(b())),
            "b",
            5_000,
            Some((1, false)),
        ),
        (
            "the next, and none signs",
            slots(empty(), holds(b())),
            "b",
            5_000,
            Some((1, true)),
        ),
        (
            "one that signs unless a write came through",
            slots(holds(a()), pending(None, b())),
            "a",
            20_000,
            Some((0, true)),
        ),
        (
            "a pending one that may sign",
            slots(holds(a()), pending(None, b())),
            "b",
            20_000,
            Some((1, true)),
        ),
        ("one that nobody knows", both(), "c", 5_000, None),
    ] {
        let revocation = slots.revocation(kid, at(now));
        let found = revocation.map(|found| {
            assert!(found.others.is_empty(), "{name}");
            (found.slot, found.replace)
        });
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn revocation_names_the_needed_keys_of_the_same_slot() {
    let keys = vec![
        key("a", 1_000, YEAR),
        key("z", 10, YEAR),
        key("b", 9_000, YEAR),
    ];
    let one = slots(Slot::known(keys), empty());
    let revocation = one.revocation("a", at(5_000)).unwrap();
    let others = revocation.others.iter().map(|key| key.kid.as_str());
    assert_eq!(others.collect::<Vec<_>>(), ["b"]);
}

#[test]
fn the_service_reads_an_empty_set_beside_another() {
    assert_eq!(SigningKeys::default().add(r#"{"keys":[]}"#), Ok(()));
}
