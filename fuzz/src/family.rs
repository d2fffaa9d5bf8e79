//! The target for grant families: what is stored of one, and the acts that reach it as text.

use edge_token::family::act::decide;
use edge_token::family::{Family, Refusal};
use edge_token::json::Json as _;
use edge_token::time::Seconds;
use serde_json::Value;

use super::known::{NOW, at};
use super::{first_line, seen, taken, text};

/// The JSON of a family, or anything else for none, and on each next line seconds, the name of an act
/// and its JSON.
pub fn family(data: &[u8]) {
    let Some((stored, acts)) = text(data).map(first_line) else {
        return;
    };
    let mut family = Family::from_text(stored);
    taken(family.is_some());
    let (mut now, mut redemptions) = (at(NOW), 0);
    for line in acts.lines().take(20) {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (seconds, name, act) = (word().parse::<u32>().unwrap_or_default(), word(), word());
        now = now.plus(Seconds(seconds));
        // The login endpoint lets nothing deeper in than can be stored.
        if act.matches(['{', '[']).count() > 100 {
            continue;
        }
        let before = family.clone();
        let Some(answer) = decide(name, act, &mut family, now) else {
            assert_eq!(family, before, "what is no act changes nothing");
            continue;
        };
        let answer = Result::<Value, Refusal>::from_text(&answer).expect("an answer or a refusal");
        seen(|| format!("{name} {}", if answer.is_ok() { "ok" } else { "refused" }));
        match &answer {
            Ok(_) => {
                assert!(
                    name == "begin" || before.is_some(),
                    "what has ended goes on"
                );
                if name == "begin" && before.is_none() {
                    redemptions = 0;
                }
                let living = before.filter(|family| name != "begin" || family.ends_at() > now);
                assert!(
                    living.is_none_or(|family| family.ends_at() > now),
                    "it is over"
                );
                redemptions += usize::from(name == "redeem");
                let is_end = ["end", "revoke-refresh"].contains(&name);
                assert_eq!(family.is_none(), is_end);
            }
            // RFC 6749 §4.1.2, RFC 9700 §4.14.2: a second use ends what came of the first.
            Err(Refusal::Replayed) => assert_eq!(family, None),
            Err(Refusal::Expired) => assert!(family.is_none() || family == before),
            Err(_) => assert_eq!(family, before, "a refusal changes nothing"),
        }
        if let Some(family) = &family {
            assert_eq!(Family::from_text(&family.to_text()).as_ref(), Some(family));
        }
    }
    assert!(redemptions <= 1, "a code was good twice");
}
