//! What is unsafe about a rotation, in words, with what to do instead.

use edge_token::http::MAX_AGE;
use edge_token::rotation::{Hazard, LEAD, NoPlan, Plan, Slots};
use edge_token::time::UnixTime;

use super::facts::KnownSlots;
use super::timetable::{unknown, unsettled};
use crate::Error;
use crate::moment::{date, date_and_distance, length};

/// Why there can be no plan, and what to do about it.
pub(super) fn no_plan(error: NoPlan, known: &KnownSlots) -> Error {
    Error::State(match error {
        NoPlan::NoKeys => "there is no key to take over from, nothing was changed: `key generate` \
                           makes one that signs at once (with --force if its secret exists)"
            .into(),
        NoPlan::Unsettled { slot } => {
            let slot = known.0.get(slot).map(unsettled).unwrap_or_default();
            format!("nothing was changed: {slot} Then rotate again.")
        }
    })
}

/// What is unsafe about a plan, and what to do instead.
pub(super) fn hazards(
    plan: &Plan,
    slots: &Slots,
    known: &KnownSlots,
    now: UnixTime,
) -> Vec<String> {
    let lifetime = length(u64::from(slots.token_lifetime.0));
    let hazard = |hazard: &Hazard| match *hazard {
        Hazard::Lead => format!(
            "Verifiers keep the JWK Set for {MAX_AGE} s, and 60 s may pass until every location has \
             the key: it had better not sign before. --lead {}s or more is safe",
            LEAD.0
        ),
        Hazard::Lifetime => {
            format!("Tokens live up to {lifetime}, longer than the key: choose a longer --lifetime")
        }
        Hazard::Gap { from, until } => {
            let lead = from.since(now).0;
            let force = if lead < LEAD.0 { " --force" } else { "" };
            format!(
                "No key would sign tokens that live {lifetime} from {} until the new one begins at \
                 {}. --lead {lead}s{force} leaves no gap",
                date_and_distance(from, now),
                date_and_distance(until, now)
            )
        }
        Hazard::NoFreeSlot { until } => no_free_slot(plan, slots, known, until, now),
    };
    plan.hazards.iter().map(hazard).collect()
}

fn no_free_slot(
    plan: &Plan,
    slots: &Slots,
    known: &KnownSlots,
    until: Option<UnixTime>,
    now: UnixTime,
) -> String {
    let mut text = "No secret is free for a new key.".to_owned();
    for entry in slots.timetable(now) {
        let (name, kid) = (known.name(entry.slot), &entry.key.kid);
        let why = match now < entry.signs_until {
            true => format!("signs until {}", date(entry.signs_until)),
            false => format!("has to verify until {}", date(entry.retires_at)),
        };
        text.push_str(&format!(" {name} holds {kid}, which {why}."));
    }
    for slot in known.0.iter().filter(|slot| slot.exists) {
        if slot.written().next().is_none_or(|held| held.keys.is_none()) {
            text.push_str(&format!(" Of {}: {}", slot.name, unknown(&slot.name)));
        }
    }
    if let Some(until) = until {
        text.push_str(&format!(" Try again at {}.", date_and_distance(until, now)));
    }
    let lost = slots.lost(plan.slot, now).map(|key| key.kid.as_str());
    let lost = match lost.collect::<Vec<_>>() {
        lost if lost.is_empty() => "its unknown keys".to_owned(),
        lost => lost.join(", "),
    };
    text.push_str(&format!(
        " --force overwrites {} and takes {lost} away, with all tokens signed by that",
        known.name(plan.slot)
    ));
    text
}
