//! What earlier versions stored and handed out goes on to work, and what this one stores the
//! version before can read: `formats` has a file for each form that families have had, written by
//! the commit that it names. A gradual deployment lets a Worker of one version ask an object of
//! another, so the messages between the two are in it as well.
//!
//! The newest file is what the next release writes. A change of what is stored writes it again, by
//! `EDGE_TOKEN_WRITE_FORMAT=1d cargo test --test family formats`, and the tests then show whether
//! the version before can read it. After a release it stays as it is, and a change adds a file under
//! the next name, to be named in [`FILES`].

use edge_token::family::act::{Begin, End, InspectRefresh, Look, ReadSignOut, RevokeRefresh};
use edge_token::family::{FamilyId, Grant, Handle, RefreshToken};
use edge_token::json::Json as _;
use edge_token::stored::Unreadable;
use serde_json::{Map, Value};

use super::*;

/// All of them, the oldest first.
const FILES: [(&str, &str); 4] = [
    ("1a", include_str!("formats/1a.json")),
    ("1b", include_str!("formats/1b.json")),
    ("1c", include_str!("formats/1c.json")),
    ("1d", include_str!("formats/1d.json")),
];

/// What one of the files has.
struct File {
    name: &'static str,
    content: Value,
}

impl File {
    fn all() -> impl DoubleEndedIterator<Item = Self> {
        FILES.into_iter().map(|(name, text)| Self {
            name,
            content: serde_json::from_str(text).unwrap(),
        })
    }

    /// The family of that name, if the versions of that time had such families.
    fn family(&self, name: &str) -> Option<Family> {
        let stored = self.content["families"].get(name)?;
        let read = Family::parse(&stored.to_string());
        Some(read.unwrap_or_else(|error| panic!("{} {name}: {error}", self.name)))
    }

    fn handed_out(&self, name: &str) -> &str {
        self.content["handed_out"][name].as_str().unwrap()
    }

    fn secret(&self, name: &str) -> Secret {
        Handle::parse(self.handed_out(name)).unwrap().secret
    }

    fn token(&self, name: &str) -> RefreshPart {
        RefreshToken::parse(self.handed_out(name)).unwrap().part
    }
}

fn shown() -> Confirmation {
    Confirmation {
        jkt: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned()),
        x5t_s256: Some("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2".to_owned()),
    }
}

/// What this version stores of a family at each of its stages, and hands out.
fn written() -> (Value, Value) {
    let mut families = Map::new();
    let mut put = |name: &str, family: &Option<Family>| {
        let text = family.as_ref().unwrap().to_text();
        families.insert(name.to_owned(), serde_json::from_str(&text).unwrap());
    };
    let begins = |family| {
        let mut slot = None;
        does(&mut slot, Begin { family }, 0);
        slot
    };
    let mut family = begins(pushed(request(), at(60)));
    put("pushed", &family);
    does(&mut family, ask(), 0);
    put("visited", &family);
    let (key, ticket) = (secret(KEY), secret(TICKET));
    let (sub, uri) = ("ann".to_owned(), REDIRECT_URI.to_owned());
    let signing_out = Family::signing_out(key, client("app"), sub, uri, &ticket, at(60));
    put("signing_out", &begins(signing_out));
    let mut family = begins(asked(request(), at(60)));
    put("asked", &family);
    let mut other = family.clone();
    does(&mut other, decide(rejected("access_denied")), 0);
    put("rejected", &other);
    let accept = decide(accepted("ann", Some("read offline_access")));
    let decided = does(&mut family, accept, 0);
    put("decided", &family);
    let code = does(&mut family, resume(&decided), 0).code.unwrap();
    put("coded", &family);
    let mut other = family.clone();
    let bound = Redeem {
        confirmation: shown(),
        refresh_confirmation: shown(),
        ..redeem(&code)
    };
    does(&mut other, bound, 0);
    put("bound", &other);
    let first = does(&mut family, redeem(&code), 0).refresh.unwrap().part;
    put("redeemed", &family);
    let second = rotates(&mut family, &first, 1);
    put("refreshed", &family);
    let grant = Grant {
        scope: scope(SCOPE),
        audience: vec![],
        person: None,
    };
    let (key, seed) = (secret(KEY), secret(SEED));
    let machine = Family::granted(key, client("app"), grant, &seed, &POLICY, at(50), at(0));
    put("machine", &begins(machine.0));

    let family = FamilyId::from_random([7; 16]);
    let handle = |secret: &Secret| {
        let secret = secret.clone();
        Handle { family, secret }.reveal()
    };
    let token = |part: &RefreshPart| {
        let part = part.clone();
        RefreshToken { family, part }.reveal()
    };
    let handed_out = json!({
        "ticket": handle(&secret(TICKET)), "resume": handle(&decided), "code": handle(&code),
        "first": token(&first), "second": token(&second), "machine": token(&machine.1.part),
    });
    (Value::Object(families), handed_out)
}

/// What a Worker of this version asks of an object, and what that answers, by the name of the act.
fn messages() -> Value {
    let mut all = Map::new();
    let mut family = None;
    let mut put = |family: &mut Option<Family>, name: &str, text: String| {
        let answer = act::decide(name, &text, family, at(0)).unwrap();
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let message = json!({ "message": json(&text), "answer": json(&answer) });
        all.insert(name.to_owned(), message);
    };
    let begin = Begin {
        family: pushed(request(), at(60)),
    };
    put(&mut family, Begin::NAME, begin.to_text());
    put(&mut family, Ask::NAME, ask().to_text());
    // A browser that began without a pushed request is as far as this.
    let mut family = Some(asked(request(), at(60)));
    let ticket = secret(TICKET);
    put(&mut family, Look::NAME, Look { ticket }.to_text());
    let accept = decide(accepted("ann", Some("read offline_access")));
    let decided = does(&mut family.clone(), accept.clone(), 0);
    put(&mut family, Decide::NAME, accept.to_text());
    let code = does(&mut family.clone(), resume(&decided), 0).code.unwrap();
    put(&mut family, Resume::NAME, resume(&decided).to_text());
    let redeem = Redeem {
        confirmation: shown(),
        refresh_confirmation: shown(),
        ..redeem(&code)
    };
    let first = does(&mut family.clone(), redeem.clone(), 0)
        .refresh
        .unwrap()
        .part;
    put(&mut family, Redeem::NAME, redeem.to_text());
    put(&mut family, Show::NAME, Show.to_text());
    let inspect = InspectRefresh {
        token: first.clone(),
        grace: POLICY.grace,
    };
    put(&mut family, InspectRefresh::NAME, inspect.to_text());
    let refresh = RefreshTokens {
        confirmation: shown(),
        ..refresh(&first)
    };
    put(&mut family, RefreshTokens::NAME, refresh.to_text());
    let client_id = client("app");
    let revoke = RevokeRefresh {
        token: first,
        client_id: client_id.clone(),
    };
    put(&mut family.clone(), RevokeRefresh::NAME, revoke.to_text());
    put(&mut family, End::NAME, End { client_id }.to_text());
    let (key, ticket) = (secret(KEY), secret(TICKET));
    let (sub, uri) = ("ann".to_owned(), REDIRECT_URI.to_owned());
    let signing_out = Family::signing_out(key, client("app"), sub, uri, &ticket, at(60));
    let read = ReadSignOut { ticket };
    put(&mut Some(signing_out), ReadSignOut::NAME, read.to_text());
    Value::Object(all)
}

/// Whether a reader that knows the members of `known` alone finds them all in `written`, as it
/// would have written them.
fn has_all_of(written: &Value, known: &Value) -> bool {
    match (written, known) {
        (Value::Object(written), Value::Object(known)) => known.iter().all(|(name, value)| {
            let is_like = |own| has_all_of(own, value);
            written.get(name).is_some_and(is_like)
        }),
        _ => written == known,
    }
}

#[test]
fn every_stage_that_an_earlier_version_stored_goes_on_to_its_end() {
    for file in File::all() {
        let (decided, code) = (file.secret("resume"), file.secret("code"));
        let (first, second) = (file.token("first"), file.token("second"));
        let mut pushed = file.family("pushed");
        does(&mut pushed, ask(), 59);
        for name in ["pushed", "visited", "asked"] {
            let family = match name {
                "pushed" => pushed.clone(),
                name => file.family(name),
            };
            // There were no visits at first.
            let mut family = family.or_else(|| pushed.clone());
            let ticket = file.secret("ticket");
            let asked = does(&mut family, Look { ticket }, 1);
            assert_eq!((asked.client_id, asked.request), (client("app"), request()));
            let accept = decide(accepted("ann", Some("read offline_access")));
            assert_eq!(does(&mut family, accept, 1), decided);
            assert_eq!(
                does(&mut family, resume(&decided), 1).code,
                Ok(code.clone())
            );
            assert_eq!(
                does(&mut family, redeem(&code), 1).refresh.unwrap().part,
                first
            );
            assert_eq!(rotates(&mut family, &first, 2), second);
        }
        let rejected = does(&mut file.family("rejected"), resume(&decided), 1).code;
        assert_eq!(rejected, Err("access_denied".to_owned()));
        let again = does(&mut file.family("decided"), resume(&decided), 1).code;
        assert_eq!(again, Ok(code.clone()));

        let mut redeemed = file.family("coded");
        let granted = does(&mut redeemed, redeem(&code), 1);
        assert_eq!(granted.refresh.unwrap().part, first);
        assert_eq!(granted.grant.person.unwrap().sub, "ann");
        ends(&redeemed, redeem(&code), 2, Refusal::Replayed);
        ends(
            &file.family("redeemed"),
            redeem(&code),
            2,
            Refusal::Replayed,
        );
        assert_eq!(rotates(&mut file.family("redeemed"), &first, 2), second);

        let mut refreshed = file.family("refreshed");
        // Within the grace, and after it.
        assert_eq!(rotates(&mut refreshed.clone(), &first, 2), second);
        ends(&refreshed, refresh(&first), 12, Refusal::Replayed);
        let token = second.clone();
        let grace = POLICY.grace;
        let inspected = does(&mut refreshed, InspectRefresh { token, grace }, 2);
        assert_eq!(inspected.expires_at, at(1001));
        rotates(&mut refreshed, &second, 2);
        let mut machine = file.family("machine");
        rotates(&mut machine, &file.token("machine"), 2);
        let revoke = RevokeRefresh {
            token: file.token("machine"),
            client_id: client("app"),
        };
        does(&mut machine, revoke, 3);
        assert_eq!(machine, None);
    }
}

#[test]
fn who_alone_can_use_what_an_earlier_version_stored_is_asked_still() {
    let mut files = 0;
    for file in File::all() {
        let mut bound = file.family("bound");
        if bound.is_none() {
            continue;
        }
        let first = file.token("first");
        refuses(&bound, refresh(&first), 2, Refusal::Confirmation);
        let confirmation = shown();
        let holder = RefreshTokens {
            confirmation,
            ..refresh(&first)
        };
        does(&mut bound, holder, 2);
        files += 1;
    }
    assert_eq!(files, FILES.len() - 1, "all but the oldest");
}

#[test]
fn the_version_before_can_read_what_this_one_stores() {
    let (families, handed_out) = written();
    let before = File::all().rev().nth(1).unwrap();
    for (name, known) in before.content["families"].as_object().unwrap() {
        let own = &families[name];
        assert!(has_all_of(own, known), "{name}: {own} for {known}");
    }
    assert_eq!(handed_out, before.content["handed_out"]);
}

#[test]
fn a_worker_and_an_object_of_two_versions_understand_one_another() {
    fn reads<A: Act>(messages: &Value) {
        let told = |what: &str| messages[A::NAME][what].to_string();
        assert!(A::from_text(&told("message")).is_some(), "{}", A::NAME);
        let answer = Result::<A::Answer, Refusal>::from_text(&told("answer"));
        assert!(matches!(answer, Some(Ok(_))), "{}", A::NAME);
    }
    let own = messages();
    let with_messages = |file: &File| file.content.get("messages").is_some();
    let files = File::all().filter(with_messages).collect::<Vec<_>>();
    assert_eq!(
        files.len(),
        FILES.len() - 2,
        "those of the oldest are of no use any more"
    );
    for file in &files {
        let before = &file.content["messages"];
        reads::<Begin>(before);
        reads::<Ask>(before);
        reads::<Look>(before);
        reads::<Decide>(before);
        reads::<Resume>(before);
        reads::<Redeem>(before);
        reads::<RefreshTokens>(before);
        reads::<InspectRefresh>(before);
        reads::<RevokeRefresh>(before);
        reads::<Show>(before);
        reads::<End>(before);
    }
    let before = &files[files.len() - 2].content["messages"];
    for (name, known) in before.as_object().unwrap() {
        assert!(
            has_all_of(&own[name], known),
            "{name}: {} for {known}",
            own[name]
        );
    }
}

#[test]
fn what_is_stored_is_what_the_newest_file_has() {
    let (families, handed_out) = written();
    if let Ok(name) = std::env::var("EDGE_TOKEN_WRITE_FORMAT") {
        let content = json!({
            "families": families, "handed_out": handed_out, "messages": messages(),
        });
        let text = serde_json::to_string_pretty(&content).unwrap();
        let path = format!(
            "{}/tests/family/formats/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::write(path, text + "\n").unwrap();
    }
    let newest = File::all().next_back().unwrap();
    let is_as_stored = newest.content["families"] == families;
    assert!(
        is_as_stored,
        "write the newest file again, as this module says: {families:#}"
    );
    assert_eq!(newest.content["handed_out"], handed_out);
    let is_as_told = newest.content["messages"] == messages();
    assert!(
        is_as_told,
        "write the newest file again, as this module says: {:#}",
        messages()
    );
}

#[test]
fn a_member_that_is_not_known_is_no_restriction_and_a_later_format_is_not_read() {
    let (families, _) = written();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut family = families["refreshed"].clone();
        change(&mut family);
        Family::parse(&family.to_string())
    };
    let known = changed(&|_| ()).unwrap();
    for change in [
        |family: &mut Value| family["remark"] = json!("of a later version"),
        |family: &mut Value| family["stage"]["Granted"]["remark"] = json!({ "seen": 1 }),
        |family: &mut Value| family["stage"]["Granted"]["refresh"]["remark"] = json!(null),
        |family: &mut Value| drop(family.as_object_mut().unwrap().remove("format")),
        |family: &mut Value| family["format"] = json!(null),
    ] {
        assert_eq!(changed(&change), Ok(known.clone()));
    }
    for format in [2, 3, 255] {
        let what = "family";
        let later = Unreadable::LaterFormat { what, format };
        assert_eq!(
            changed(&|family| family["format"] = json!(format)),
            Err(later.clone())
        );
        // Whatever else it has.
        let other = |family: &mut Value| *family = json!({ "format": format, "sealed": "…" });
        assert_eq!(changed(&other), Err(later));
    }
    for format in [
        json!(0),
        json!(-1),
        json!("1"),
        json!(1.5),
        json!([1]),
        json!(true),
    ] {
        let malformed = changed(&|family| family["format"] = format.clone());
        assert_eq!(malformed, Err(Unreadable::Malformed("family")), "{format}");
    }
    let unknown_stage = changed(&|family| family["stage"] = json!({ "Sealed": {} }));
    assert_eq!(unknown_stage, Err(Unreadable::Malformed("family")));
}
