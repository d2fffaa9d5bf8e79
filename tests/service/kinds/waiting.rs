//! What requests wait for: a body that does not come, and keys of trusted issuers that many of them
//! want at once. `tests/e2e/waiting.test.mjs` has the same on the runtime.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

use edge_token::error::Rejection;
use edge_token::family::FamilyId;
use edge_token::family::act::Message;
use edge_token::jose::PublicKeys;
use edge_token::not_before::NotBefore;
use edge_token::proof::replay::Mark;
use edge_token::service::Reply;
use edge_token::store::{Limiter, Memory};

use super::super::signed::*;
use super::super::trusted_issuers::*;
use super::super::*;

const URL: &str = "https://idp.example/jwks";

#[test]
fn a_body_that_does_not_come_in_time_is_a_408() {
    let now = UnixTime::from_seconds(NOW);
    let reply = Reply::without_body(&Request::default(), Rejection::BodyTimeout, now);
    // Who holds a body back does not fill the log either.
    assert!(reply.log.is_none());
    let answer = Answer {
        response: reply.response,
        log: reply.log,
    };
    assert_eq!(answer.error(), (408, "invalid_request".into()));
    let told = &answer.json()["error_description"];
    assert_eq!(told, "The body did not arrive within 10 seconds.");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// A store with a clock, whose issuers take their time.
struct Slow<'a> {
    store: &'a MemoryStore,
    /// What time it is: each turn of whoever waits takes a second.
    seconds: Cell<u64>,
    /// How many seconds a fetch takes; for ever if it is `None`.
    fetch: Cell<Option<u64>>,
    fetches: Cell<usize>,
    pauses: Cell<usize>,
}

impl<'a> Slow<'a> {
    fn new(store: &'a MemoryStore, fetch: Option<u64>) -> Self {
        Self {
            store,
            seconds: Cell::new(NOW),
            fetch: Cell::new(fetch),
            fetches: Cell::new(0),
            pauses: Cell::new(0),
        }
    }

    /// Lets the others run.
    async fn turn() {
        let mut is_over = false;
        poll_fn(|context| {
            if is_over {
                return Poll::Ready(());
            }
            is_over = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Store for Slow<'_> {
    fn memory(&self) -> &Memory {
        self.store.memory()
    }

    async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.store.client(realm, id).await
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
        self.store.act(realm, family, act, now).await
    }

    async fn consume(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.store.consume(mark, now).await
    }

    async fn is_consumed(&self, mark: &Mark, now: UnixTime) -> Result<bool, StoreError> {
        self.store.is_consumed(mark, now).await
    }

    async fn not_before(&self, realm: &RealmName) -> Result<NotBefore, StoreError> {
        self.store.not_before(realm).await
    }

    fn moment(&self, _: UnixTime) -> UnixTime {
        UnixTime::from_seconds(self.seconds.get())
    }

    async fn pause(&self, now: UnixTime, _: u32) -> Result<UnixTime, StoreError> {
        self.pauses.set(self.pauses.get() + 1);
        Self::turn().await;
        let waited = self.seconds.get() - now.seconds();
        if waited > 8 {
            return Err(StoreError::Timeout);
        }
        Ok(self.moment(now))
    }

    async fn issuer_keys(&self, url: &str) -> Result<PublicKeys, StoreError> {
        self.fetches.set(self.fetches.get() + 1);
        let Some(takes) = self.fetch.get() else {
            return std::future::pending().await;
        };
        for _ in 0..takes {
            Self::turn().await;
            self.seconds.set(self.seconds.get() + 1);
        }
        self.store.issuer_keys(url).await
    }

    async fn register(&self, realm: &RealmName, client: &Client) -> Result<(), StoreError> {
        self.store.register(realm, client).await
    }

    async fn count(&self, limiter: Limiter, key: &str) -> Result<bool, StoreError> {
        self.store.count(limiter, key).await
    }
}

/// A realm whose trusted issuer publishes that.
fn fetching(published: Result<String, StoreError>) -> Fixture {
    let issuers = json!({ "idp": { "issuer": IDP, "jwks_uri": URL } });
    let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", may_present);
    fixture.store.put_at(URL.to_owned(), published);
    fixture.store.remember();
    fixture
}

/// The statuses of so many JWT bearer requests at once, with a token by a key.
fn statuses(fixture: &Fixture, store: &Slow<'_>, count: usize, octet: u8) -> Vec<u16> {
    let token = by(IDP, octet).without("jti").claim("exp", NOW + 300);
    let body = format!("grant_type={JWT_BEARER}&assertion={}", token.text());
    let authorization = basic("app", SECRET);
    let request = Request {
        authority: "auth.example",
        authorization: Some(&authorization),
        ..post("/token", &body)
    };
    let now = UnixTime::from_seconds(store.seconds.get());
    let one = || async {
        let fill_random = |octets: &mut [u8]| {
            octets.fill(0x5a);
            Ok(())
        };
        let reply = fixture.service.respond(&request, now, &fill_random, store);
        reply.await.response.status
    };
    together((0..count).map(|_| one()))
}

/// What futures give that run by turns, as requests of one isolate do.
fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut running = futures.map(Box::pin).map(Some).collect::<Vec<_>>();
    let mut outputs = running.iter().map(|_| None).collect::<Vec<_>>();
    while running.iter().any(Option::is_some) {
        for (future, output) in running.iter_mut().zip(&mut outputs) {
            let Some(pending) = future else { continue };
            if let Poll::Ready(ready) = pending.as_mut().poll(&mut context) {
                (*future, *output) = (None, Some(ready));
            }
        }
    }
    outputs.into_iter().flatten().collect()
}

#[test]
fn a_hundred_at_once_make_one_fetch_and_are_all_served() {
    for takes in [0, 1, 3] {
        let fixture = fetching(Ok(jwks(&[IDP_KEY]).to_string()));
        let store = Slow::new(&fixture.store, Some(takes));
        assert_eq!(statuses(&fixture, &store, 100, IDP_KEY), [200; 100]);
        assert_eq!(store.fetches.get(), 1, "{takes}");
        assert_eq!(store.pauses.get() > 0, takes > 0, "{takes}");
    }
}

#[test]
fn an_issuer_that_is_down_is_asked_once_in_five_seconds() {
    for failure in [
        StoreError::Timeout,
        StoreError::Unavailable {
            detail: "answered 500".into(),
        },
    ] {
        let fixture = fetching(Err(failure));
        let store = Slow::new(&fixture.store, Some(3));
        assert_eq!(statuses(&fixture, &store, 100, IDP_KEY), [503; 100]);
        assert_eq!(store.fetches.get(), 1);
        let pauses = store.pauses.get();
        for _ in 0..5 {
            assert_eq!(statuses(&fixture, &store, 20, IDP_KEY), [503; 20]);
            store.seconds.set(store.seconds.get() + 1);
        }
        // Nobody waited for what is known to fail.
        assert_eq!((store.fetches.get(), store.pauses.get()), (1, pauses));
        fixture
            .store
            .put_at(URL.to_owned(), Ok(jwks(&[IDP_KEY]).to_string()));
        assert_eq!(statuses(&fixture, &store, 100, IDP_KEY), [200; 100]);
        assert_eq!(store.fetches.get(), 2);
    }
}

#[test]
fn keys_that_are_read_again_for_an_unknown_name_are_fetched_once_too() {
    let fixture = fetching(Ok(jwks(&[IDP_KEY]).to_string()));
    let store = Slow::new(&fixture.store, Some(1));
    assert_eq!(statuses(&fixture, &store, 1, IDP_KEY), [200]);
    let rotated = Ok(jwks(&[IDP_KEY, IDP_OTHER_KEY]).to_string());
    fixture.store.put_at(URL.to_owned(), rotated);
    store.seconds.set(NOW + 31);
    assert_eq!(statuses(&fixture, &store, 100, IDP_OTHER_KEY), [200; 100]);
    assert_eq!(store.fetches.get(), 2);
    // And while they cannot be had, the old ones are good for who needs no other.
    fixture
        .store
        .put_at(URL.to_owned(), Err(StoreError::Timeout));
    store.seconds.set(NOW + 70);
    assert_eq!(statuses(&fixture, &store, 50, 99), [503; 50]);
    assert_eq!(statuses(&fixture, &store, 50, IDP_KEY), [200; 50]);
    assert_eq!(store.fetches.get(), 3);
}

#[test]
fn a_fetch_whose_request_was_ended_holds_nobody_up_for_long() {
    let fixture = fetching(Ok(jwks(&[IDP_KEY]).to_string()));
    let store = Slow::new(&fixture.store, None);
    // A request begins to fetch, and its caller goes away: nothing of it ever goes on.
    let token = by_idp().without("jti").claim("exp", NOW + 300);
    let body = format!("grant_type={JWT_BEARER}&assertion={}", token.text());
    let authorization = basic("app", SECRET);
    let request = Request {
        authority: "auth.example",
        authorization: Some(&authorization),
        ..post("/token", &body)
    };
    let fill_random = |_: &mut [u8]| Ok(());
    let reply = fixture
        .service
        .respond(&request, fixture.now, &fill_random, &store);
    let mut ended = Box::pin(reply);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(ended.as_mut().poll(&mut context).is_pending());
    assert_eq!(store.fetches.get(), 1);
    store.fetch.set(Some(0));
    store.seconds.set(NOW + 4);
    assert_eq!(statuses(&fixture, &store, 100, IDP_KEY), [200; 100]);
    assert_eq!(store.fetches.get(), 2);
}
