//! Storage that fails at any of the questions that a request asks it: 503, never an answer, never a
//! success that is none.

use edge_token::family::FamilyId;
use edge_token::family::act::Message;
use edge_token::jose::PublicKeys;
use edge_token::not_before::NotBefore;
use edge_token::proof::replay::Mark;
use edge_token::store::{Limiter, Memory};

use super::*;

/// A store that fails at one question, by its number from 0: before it does anything, or when it
/// has and its answer is lost.
struct Failing<'a> {
    store: &'a MemoryStore,
    memory: Memory,
    asked: Cell<usize>,
    at: usize,
    answer_is_lost: bool,
    /// What it was asked.
    questions: RefCell<Vec<&'static str>>,
}

impl<'a> Failing<'a> {
    fn at(store: &'a MemoryStore, at: usize, answer_is_lost: bool) -> Self {
        let (asked, questions) = (Cell::new(0), RefCell::default());
        Self {
            store,
            memory: Memory::default(),
            asked,
            at,
            answer_is_lost,
            questions,
        }
    }

    async fn ask<T>(
        &self,
        question: &'static str,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let number = self.asked.replace(self.asked.get() + 1);
        self.questions.borrow_mut().push(question);
        if number != self.at {
            return answer.await;
        }
        if self.answer_is_lost {
            let _ = answer.await;
        }
        Err(StoreError::Timeout)
    }
}

impl Store for Failing<'_> {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.ask("client", self.store.client(realm, id)).await
    }

    fn object_id(&self, name: &str) -> Result<String, StoreError> {
        self.store.object_id(name)
    }

    async fn act(
        &self,
        realm: &RealmName,
        family: FamilyId,
        act: &Message,
        now: UnixTime,
    ) -> Result<String, StoreError> {
        self.ask("act", self.store.act(realm, family, act, now))
            .await
    }

    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.ask("consume", self.store.consume(mark, now)).await
    }

    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.ask("is_consumed", self.store.is_consumed(mark, now))
            .await
    }

    async fn not_before(&self, realm: &RealmName) -> Result<NotBefore, StoreError> {
        self.ask("not_before", self.store.not_before(realm)).await
    }

    fn moment(&self, now: UnixTime) -> UnixTime {
        self.store.moment(now)
    }

    async fn pause(&self, now: UnixTime, times: u32) -> Result<UnixTime, StoreError> {
        self.store.pause(now, times).await
    }

    async fn issuer_keys(&self, url: &str) -> Result<PublicKeys, StoreError> {
        self.ask("issuer_keys", self.store.issuer_keys(url)).await
    }

    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError> {
        self.ask("register", self.store.register(realm, client))
            .await
    }

    async fn count(&self, limiter: Limiter, key: &str) -> Result<bool, StoreError> {
        self.store.count(limiter, key).await
    }
}

/// Sends a request that asks those questions, and again with each of them failing, one way and the
/// other: a 503 each time. What stands last is that the request succeeds again.
fn assert_fails_at_each(people: &People, name: &str, request: &Request<'_>, questions: &[&str]) {
    let store = &people.fixture.store;
    for answer_is_lost in [false, true] {
        for (at, question) in questions.iter().enumerate() {
            let failing = Failing::at(store, at, answer_is_lost);
            let answer = people.send_over(&failing, request);
            assert_eq!(answer.error(), unavailable(), "{name}, {question} {at}");
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.header("www-authenticate"), None);
            assert!(
                matches!(answer.log, Some(Log::Error(_))),
                "{name}, {question}"
            );
            assert_eq!(answer.log()["outcome"], "failed");
            assert!(!answer.response.body.contains("active"));
            assert_eq!(*failing.questions.borrow(), questions[..=at], "{name}");
        }
    }
    let working = Failing::at(store, usize::MAX, false);
    let answer = people.send_over(&working, request);
    assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
    assert_eq!(*working.questions.borrow(), questions, "{name}");
}

#[test]
fn whatever_introspection_asks_storage_if_it_fails_the_answer_is_a_503() {
    let people = realm("rfc9068", json!({}));
    let tokens = people.tokens("openid");
    let access = ["client", "not_before", "client", "is_consumed", "act"];
    for (name, token, questions) in [
        ("of a person", tokens.text("access_token"), &access[..]),
        ("of a client", people.machine(), &access[..4]),
        (
            "refresh token",
            tokens.text("refresh_token"),
            &["client", "not_before", "act", "client"],
        ),
        ("garbage", "x".to_owned(), &["client"]),
    ] {
        let (inspector, form) = (basic("inspector", SECRET), format!("token={token}"));
        let request = Request {
            authorization: Some(&inspector),
            ..post("/introspect", &form)
        };
        assert_fails_at_each(&people, name, &request, questions);
        assert_eq!(people.is_active(&token), name != "garbage", "{name}");
    }
}

#[test]
fn a_revocation_that_fails_is_a_503_and_the_token_is_active_until_one_succeeds() {
    for (member, question) in [("access_token", "consume"), ("refresh_token", "act")] {
        let people = realm("rfc9068", json!({}));
        let token = people.tokens("openid").text(member);
        let (app, form) = (basic("app", SECRET), format!("token={token}"));
        let request = Request {
            authorization: Some(&app),
            ..post("/revoke", &form)
        };
        for at in [0, 1] {
            let failing = Failing::at(&people.fixture.store, at, false);
            let answer = people.send_over(&failing, &request);
            assert_eq!(answer.error(), unavailable(), "{member}, {at}");
            assert!(people.is_active(&token), "{member}, {at}");
        }
        assert_fails_at_each(&people, member, &request, &["client", question]);
        assert!(!people.is_active(&token), "{member}");
    }
}

/// The answer was lost: the client does not know, asks again, and hears that it is done.
#[test]
fn a_revocation_whose_answer_was_lost_can_be_tried_again() {
    for member in ["access_token", "refresh_token"] {
        let people = realm("rfc9068", json!({}));
        let token = people.tokens("openid").text(member);
        let (app, form) = (basic("app", SECRET), format!("token={token}"));
        let request = Request {
            authorization: Some(&app),
            ..post("/revoke", &form)
        };
        let failing = Failing::at(&people.fixture.store, 1, true);
        assert_eq!(people.send_over(&failing, &request).error(), unavailable());
        assert!(!people.is_active(&token), "{member}");
        assert_eq!(people.send(&request).status(), 200, "{member}");
    }
}

#[test]
fn every_endpoint_that_takes_an_access_token_fails_with_its_storage() {
    let people = realm("rfc9068", json!({}));
    let person = people.tokens("openid+read").text("access_token");
    let bearer = format!("Bearer {person}");
    let api = basic("api", SECRET);
    let form = format!(
        "grant_type={EXCHANGE}&subject_token={person}&subject_token_type={ACCESS_TOKEN_TYPE}"
    );
    let userinfo = Request {
        method: "GET",
        path: "/userinfo",
        authorization: Some(&bearer),
        ..Request::default()
    };
    let exchange = Request {
        authorization: Some(&api),
        ..post("/token", &form)
    };
    let questions = ["not_before", "client", "is_consumed", "act"];
    assert_fails_at_each(&people, "userinfo", &userinfo, &questions);
    let questions = ["client", "not_before", "client", "is_consumed", "act"];
    assert_fails_at_each(&people, "token exchange", &exchange, &questions);
}

#[test]
fn a_refresh_that_fails_anywhere_can_be_tried_again() {
    for dialect in DIALECTS {
        let people = realm(dialect, json!({}));
        let token = people.tokens("openid").text("refresh_token");
        let app = basic("app", SECRET);
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        let request = Request {
            authorization: Some(&app),
            ..post("/token", &form)
        };
        let questions = ["client", "not_before", "act"];
        assert_fails_at_each(&people, dialect, &request, &questions);
    }
}

/// A family that an operator ended, and whose end fails, is ended by the next who tries.
#[test]
fn a_void_family_whose_end_fails_gives_no_tokens() {
    let people = realm("rfc9068", json!({}));
    let token = people.tokens("openid").text("refresh_token");
    people.not_before(json!({ "version": 1, "realm": NOW + 1 }));
    let app = basic("app", SECRET);
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let request = Request {
        authorization: Some(&app),
        ..post("/token", &form)
    };
    for (at, answer_is_lost) in [(2, false), (2, true), (3, false)] {
        let failing = Failing::at(&people.fixture.store, at, answer_is_lost);
        let answer = people.send_over(&failing, &request);
        assert_eq!(answer.error(), unavailable(), "{at}");
        assert_eq!(people.fixture.store.families(), 1, "{at}");
    }
    assert_eq!(people.send(&request).error(), invalid_grant());
    assert_eq!(people.fixture.store.families(), 0);
}
