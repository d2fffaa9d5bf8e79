//! Rate limits: how much is asked for in the name of one client, how often authentication fails from
//! one address, and how often one address tries a family without authentication.

use crate::client::Client;
use crate::context::Context;
use crate::error::Rejection;
use crate::family::FamilyId;
use crate::realm::Realm;
use crate::store::{Limiter, Store};

/// Counts what is asked for in the name of a client; where nothing shows that it is the client who asks,
/// by address, so that only neighbours can use up what others have.
pub(super) async fn rate<S: Store>(
    client: &Client,
    is_authenticated: bool,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(), Rejection> {
    if context.is_counted {
        return Ok(());
    }
    let mut key = client.client_id.record_key(&realm.name);
    if !is_authenticated {
        // No id and no realm has one.
        key.push('\n');
        key.push_str(&network(context.client_address.unwrap_or_default()));
    }
    match context.is_within(Limiter::Rate, &key).await {
        true => {
            context.is_counted = true;
            Ok(())
        }
        false => Err(Rejection::RateLimited),
    }
}

/// Counts an authentication that failed, and tells what the caller hears of it: `why`, or that too many
/// failed.
pub(super) async fn failure<S: Store>(why: Rejection, context: &mut Context<'_, S>) -> Rejection {
    let address = network(context.client_address.unwrap_or_default());
    if context.is_within(Limiter::Failure, &address).await {
        return why;
    }
    context.audit.refused = Some(why.to_string());
    Rejection::TooManyFailures
}

/// Counts a request about a family that a caller without credentials makes, by address, before the
/// family's object is asked. A sign-in takes one or two: more than the limit of failures are guesses.
/// Other sign-ins behind the address are counted by themselves, so none of them is held up.
pub(super) async fn tries<S: Store>(
    family: FamilyId,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<(), Rejection> {
    let address = network(context.client_address.unwrap_or_default());
    // No address has a line break.
    let key = format!("{}/{family}\n{address}", realm.name);
    match context.is_within(Limiter::Failure, &key).await {
        true => Ok(()),
        false => Err(Rejection::TooManyTries),
    }
}

/// Whose address it is, as Cloudflare writes it (RFC 5952): all of an IPv4 address, and of an IPv6
/// address the 64 bits that a network has, who can choose the others as they like (RFC 4291 §2.5.4).
fn network(address: &str) -> String {
    if let Some(address) = address.strip_prefix("::ffff:") {
        return address.to_owned();
    }
    let (head, tail) = match address.split_once("::") {
        Some((head, tail)) => (head, Some(tail)),
        None if address.contains(':') => (address, None),
        None => return address.to_owned(),
    };
    let groups = |text: &str| -> Vec<String> {
        let groups = text.split(':').filter(|group| !group.is_empty());
        groups.map(str::to_owned).collect()
    };
    let (mut all, tail) = (groups(head), groups(tail.unwrap_or_default()));
    let gap = 8_usize.saturating_sub(all.len()).saturating_sub(tail.len());
    all.extend(std::iter::repeat_n("0".to_owned(), gap));
    all.extend(tail);
    all.truncate(4);
    all.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_64_bits_of_an_ipv6_address() {
        for (address, expected) in [
            ("", ""),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
            ("2001:db8:1:2::6", "2001:db8:1:2"),
            ("2001:db8::6", "2001:db8:0:0"),
            ("2001:db8::2:3:4:5:6", "2001:db8:0:2"),
            ("::1", "0:0:0:0"),
            ("::", "0:0:0:0"),
            ("2001::", "2001:0:0:0"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("64:ff9b::192.0.2.7", "64:ff9b:0:0"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(network(address), expected, "{address}");
        }
    }
}
