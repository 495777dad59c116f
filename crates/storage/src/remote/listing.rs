//! A prefix of a bucket in, its keys out, page by page: never all of them in memory.
//!
//! ```text
//!   keys in byte order:   E1.2024-..  E1.2025-..  E1.2025-..  E2.2024-..  E2.2025-..  plain.log
//!   the guide says:       not these | these       | not these | not these | these      | these
//!                         '-> start-after, not page by page through them
//!   a long part is cut where the guide says, and its pieces are listed at once
//! ```
//!
//! **Invariant.** A key is left out only because the guide passed over it: how parts are cut, and how many keys the store puts
//! into a page, changes nothing.

use std::collections::HashSet;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::connections::Client;
use super::found::Found;
use super::list_page::{Ask, Page};
use super::request_context::RequestContext;
use super::shares::Shares;
use super::url::Prefix;
use crate::Error;
use crate::error::{Operation, Request, RequestFlaw};
use crate::key_guide::{KeyGuide, Look};

/// Number of parts of a listing that are requested at once. They use at most half of the requests that may be in
/// flight, as the consumer of the keys may have to send requests while they wait.
const MAX_PARTS: usize = 32;
/// As many keys as S3 puts into a page.
const PAGE_KEYS: usize = 1000;

/// An entry of a listing.
pub(crate) enum ListedKey {
    /// An object.
    Object(Found),
    /// A key that no object can be named by.
    Unnameable(String),
}

/// A range of keys: after `after`, before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    after: String,
    until: Option<String>,
    /// End of the previous page.
    next: Option<Next>,
    pages: u32,
}

/// The end of a page, from which the next one continues.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Next {
    /// The store's continuation token.
    token: String,
    /// The prefix of the request.
    prefix: String,
    /// The last key that the store gave.
    last: String,
}

/// Passes all keys below a prefix to `give`, but for those that the guide passes over.
///
/// # Errors
///
/// The store's; or that of `give`, which may ask to stop.
pub(crate) fn list_prefix(
    client: &Client,
    prefix: &Prefix,
    guide: &dyn KeyGuide,
    give: &mut dyn FnMut(ListedKey) -> Result<(), Error>,
) -> Result<(), Error> {
    if !prefix.is_folder
        && let Some(found) = client.wait(exact(client, prefix))?
    {
        give(ListedKey::Object(found))?;
    }
    let folder = prefix.folder();
    let whole = Part { after: String::new(), until: None, next: None, pages: 0 };
    let (mut waiting, mut under_way) = (vec![whole], FuturesUnordered::new());
    let max_parts = MAX_PARTS.min(Shares::of_process().num_requests() / 2);
    loop {
        while under_way.len() < max_parts
            && let Some(part) = waiting.pop()
        {
            under_way.push(page(client, &folder, part));
        }
        let Some(listed) = client.wait(under_way.next()) else { return Ok(()) };
        let (part, page) = listed?;
        // Not while waiting: the consumer of the keys may send requests itself.
        go_through(part, page, guide, &mut waiting, give)?;
    }
}

/// Returns the object whose key is the prefix itself, if there is one: it is the first of all keys with this prefix.
async fn exact(client: &Client, prefix: &Prefix) -> Result<Option<Found>, Error> {
    let ask = Ask { prefix: prefix.path(), after: "", token: None, keys: 1 };
    let page = client.lister.page(Operation::List, &client.bucket, ask).await?;
    Ok(page.found.into_iter().next().filter(|found| found.key == prefix.path()))
}

async fn page(client: &Client, folder: &str, part: Part) -> Result<(Part, Page), Error> {
    let _permit = client.permit().await;
    let (token, last, prefix) = match &part.next {
        // A continuation token is valid for the list that it was given for.
        Some(Next { token, prefix, last }) => (Some(token.as_str()), last.as_str(), prefix.clone()),
        None => (None, "", part.prefix(folder)),
    };
    let ask = Ask { prefix: &prefix, after: &part.after, token, keys: PAGE_KEYS };
    let mut page = client.lister.page(Operation::List, &client.bucket, ask).await?;
    // Keys come in byte order. Without this check, a store that repeats pages would never end the list.
    if page.found.last().is_some_and(|found| found.key.as_str() <= last) {
        return Err(list_place(client, Operation::List, &prefix).failed(RequestFlaw::EndlessList));
    }
    let last = page.found.last().map_or(last, |found| &found.key).to_owned();
    let next = page.next.take().map(|token| Next { token, prefix, last });
    Ok((Part { next, ..part }, page))
}

impl Part {
    /// Returns the start of all its keys: the folder, and the text that its two ends have in common. So the store shows few
    /// keys after the end.
    fn prefix(&self, folder: &str) -> String {
        let Some(until) = &self.until else { return folder.into() };
        let common = self.after.chars().zip(until.chars()).take_while(|(one, other)| one == other);
        let common: String = common.map(|(symbol, _)| symbol).collect();
        if common.starts_with(folder) { common } else { folder.into() }
    }
}

/// Passes on the wanted keys of a page, and notes the parts that are still to be listed.
fn go_through(
    part: Part,
    page: Page,
    guide: &dyn KeyGuide,
    waiting: &mut Vec<Part>,
    give: &mut dyn FnMut(ListedKey) -> Result<(), Error>,
) -> Result<(), Error> {
    let Part { mut after, until, pages, next } = part;
    let is_over = |key: &str| until.as_deref().is_some_and(|until| key >= until);
    let mut passed_over = false;
    let mut ends: Option<[String; 2]> = None;
    for found in page.found {
        if is_over(&found.key) {
            return Ok(());
        }
        // The guide passed over it, or the store repeats it.
        if found.key <= after {
            continue;
        }
        let first = ends.map_or_else(|| found.key.clone(), |[first, _]| first);
        ends = Some([first, found.key.clone()]);
        passed_over = false;
        match guide.look(&found.key) {
            Look::Wanted => {
                after.clone_from(&found.key);
                give_one(found, give)?;
            }
            Look::NotUpTo(bound) => {
                passed_over = bound > found.key;
                after = bound.max(found.key);
            }
        }
    }
    if next.is_none() || is_over(&after) {
        return Ok(());
    }
    // After keys that were passed over the store's continuation token is of no use.
    let next = next.filter(|_| !passed_over);
    let mut rest = Part { after, until, next, pages: pages + 1 };
    if let Some([first, last]) = &ends {
        let cuts = guide.cuts([first, last], rest.pages);
        waiting.extend(cut(&mut rest, cuts));
    }
    waiting.push(rest);
    Ok(())
}

/// Ends a part at the first cut, and returns the pieces after it.
fn cut(part: &mut Part, cuts: Vec<String>) -> Vec<Part> {
    let mut pieces: Vec<Part> = Vec::new();
    let end = part.until.clone();
    for cut in cuts {
        let is_within = |until: &Option<String>| until.as_ref().is_none_or(|until| cut < *until);
        let whole = pieces.last_mut().unwrap_or(part);
        if cut <= whole.after || !is_within(&end) || !is_within(&whole.until) {
            continue;
        }
        whole.until = Some(next_text(&cut));
        // Its prefix is longer now, so that the token is not valid.
        whole.next = None;
        pieces.push(Part { after: cut, until: end.clone(), next: None, pages: 0 });
    }
    pieces
}

/// Returns the next text in byte order.
fn next_text(text: &str) -> String {
    format!("{text}\0")
}

fn give_one(found: Found, give: &mut dyn FnMut(ListedKey) -> Result<(), Error>) -> Result<(), Error> {
    // Consoles create such objects to show a folder.
    if found.key.ends_with('/') && found.size_bytes == 0 {
        return Ok(());
    }
    if super::url::is_representable(&found.key) {
        give(ListedKey::Object(found))
    } else {
        give(ListedKey::Unnameable(found.key))
    }
}

fn list_place<'p>(client: &'p Client, doing: Operation, key: &'p str) -> RequestContext<'p> {
    RequestContext { doing, request: Request::List, bucket: &client.bucket, key }
}

/// Returns all objects with a prefix, for a store's own lists.
///
/// # Errors
///
/// The store's, or a key in it that cannot be named.
pub(super) fn list_all(client: &Client, doing: Operation, prefix: &str) -> Result<Vec<Found>, Error> {
    client.wait(async {
        let mut all: Vec<Found> = Vec::new();
        let mut token: Option<String> = None;
        // The last key of each page.
        let mut ends: HashSet<String> = HashSet::new();
        loop {
            let ask = Ask { prefix, after: "", token: token.as_deref(), keys: PAGE_KEYS };
            let page = client.lister.page(doing, &client.bucket, ask).await?;
            if let Some(odd) =
                page.found.iter().find(|found| !super::url::is_representable(found.key.trim_end_matches('/')))
            {
                let place = list_place(client, doing, &odd.key);
                return Err(place.failed(RequestFlaw::UnnameableName));
            }
            // Some stores do not sort names, but each lists a name once.
            if let Some(last) = page.found.last()
                && !ends.insert(last.key.clone())
            {
                return Err(list_place(client, doing, prefix).failed(RequestFlaw::EndlessList));
            }
            all.extend(page.found);
            token = page.next;
            if token.is_none() {
                return Ok(all);
            }
        }
    })
}

/// Returns the first key with this prefix, if there is one.
///
/// # Errors
///
/// The store's.
pub(crate) fn first_key(client: &Client, prefix: &str) -> Result<Option<String>, Error> {
    let ask = Ask { prefix, after: "", token: None, keys: 1 };
    let page = client.wait(client.lister.page(Operation::List, &client.bucket, ask))?;
    Ok(page.found.into_iter().next().map(|found| found.key))
}

/// Returns the first keys with this prefix, in order: those of one page.
///
/// # Errors
///
/// The store's.
pub(crate) fn first_keys(client: &Client, prefix: &str) -> Result<Vec<String>, Error> {
    let ask = Ask { prefix, after: "", token: None, keys: PAGE_KEYS };
    let page = client.wait(client.lister.page(Operation::List, &client.bucket, ask))?;
    Ok(page.found.into_iter().map(|found| found.key).collect())
}

/// Returns whether there is any key with this prefix.
///
/// # Errors
///
/// The store's.
pub(super) fn is_anything(client: &Client, prefix: &str) -> Result<bool, Error> {
    let ask = Ask { prefix, after: "", token: None, keys: 1 };
    Ok(!client.wait(client.lister.page(Operation::Store, &client.bucket, ask))?.found.is_empty())
}

#[cfg(test)]
mod tests;
