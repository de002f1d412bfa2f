//! Trying again: how often, how long to wait, and what a rate limit asks for.

use anyhow::Context as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often and how long a client tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries in all, the first included.
    pub tries: u32,
    /// The pause after the first failure; each later one is twice as long. A pause is shortened at random by up to half.
    pub first: Duration,
    /// The pause that a secondary rate limit takes when the answer names none.
    pub limited: Duration,
    /// The longest pause that is waited out; a server that asks for more ends the run.
    pub longest: Duration,
}

impl Default for Patience {
    /// Four tries over about four seconds; a minute for a rate limit that names no time, 15 minutes at most (GitHub's "Best practices
    /// for using the REST API": at least one minute, then exponentially).
    fn default() -> Self {
        Self { tries: 4, first: Duration::from_millis(600), limited: Duration::from_mins(1), longest: Duration::from_mins(15) }
    }
}

impl Patience {
    /// Three retries after 5, 10 and 20 seconds: pushes to a registry (M-143).
    pub fn for_pushes() -> Self {
        Self { first: Duration::from_secs(5), ..Self::default() }
    }

    /// Hardly any pauses: for tests.
    pub const fn none() -> Self {
        let instant = Duration::from_millis(1);
        Self { tries: 4, first: instant, limited: instant, longest: Duration::from_secs(2) }
    }

    /// Starts counting tries.
    pub const fn tries(self) -> Tries {
        Tries { patience: self, done: 0 }
    }
}

/// What came of one try.
#[derive(Debug)]
pub enum Attempt<T> {
    /// It worked.
    Done(T),
    /// It may work if tried again, after that pause if one is named.
    Again {
        /// What went wrong.
        why: anyhow::Error,
        /// How long the other side asked to wait.
        pause: Option<Duration>,
    },
    /// Trying again is of no use, or not safe.
    Failed(anyhow::Error),
}

impl<T> Attempt<T> {
    /// A failure that may pass, without a pause asked for.
    pub const fn again(why: anyhow::Error) -> Self {
        Self::Again { why, pause: None }
    }
}

/// The tries of one call so far.
#[derive(Debug)]
pub struct Tries {
    patience: Patience,
    done: u32,
}

impl Tries {
    /// Settles one attempt: `Some` when it worked, `None` when it should be made again (the pause is over then).
    ///
    /// # Errors
    /// What the attempt failed with, when it is not to be made again, or was made often enough, or the pause asked for is too long.
    pub async fn settle<T>(&mut self, attempt: Attempt<T>) -> anyhow::Result<Option<T>> {
        match attempt {
            Attempt::Done(value) => Ok(Some(value)),
            Attempt::Failed(error) => Err(error),
            Attempt::Again { why, pause } => {
                self.done += 1;
                if self.done >= self.patience.tries {
                    return Err(why.context(format!("tried {} times", self.done)));
                }
                if let Some(long) = pause.filter(|pause| *pause > self.patience.longest) {
                    return Err(why.context(format!("the server asks to wait {} seconds", long.as_secs())));
                }
                tokio::time::sleep(pause.unwrap_or_else(|| self.backoff())).await;
                Ok(None)
            }
        }
    }

    fn backoff(&self) -> Duration {
        let full = self.patience.first.saturating_mul(1 << (self.done - 1).min(16)).min(self.patience.longest);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// What a status and its headers ask of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: the status is final.
    Nothing,
    /// The request was not processed because of a rate limit: wait that long.
    Wait(Duration),
    /// The server failed in passing: the request may have been processed.
    TryAgain,
}

/// Reads rate limits and passing failures off an answer.
///
/// Rules (GitHub docs, "Rate limits for the REST API"): 403 or 429 with `retry-after` in seconds; else `x-ratelimit-remaining: 0` with
/// `x-ratelimit-reset` in seconds since 1970; else 429, or a 403 whose body speaks of a rate limit: `patience.limited`. 408, 500, 502, 503
/// and 504 pass; a `retry-after` on them is honoured too.
pub fn asks(status: u16, headers: &http::HeaderMap, body: &[u8], patience: &Patience) -> Asks {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let retry_after = number("retry-after").map(Duration::from_secs);
    match status {
        403 | 429 => {
            if let Some(pause) = retry_after {
                return Asks::Wait(pause);
            }
            if let (Some(0), Some(reset)) = (number("x-ratelimit-remaining"), number("x-ratelimit-reset")) {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                return Asks::Wait(Duration::from_secs(reset + 1).saturating_sub(now));
            }
            let text = String::from_utf8_lossy(body).to_ascii_lowercase();
            if status == 429 || text.contains("rate limit") || text.contains("abuse detection") {
                Asks::Wait(patience.limited)
            } else {
                Asks::Nothing
            }
        }
        408 | 500 | 502 | 503 | 504 => retry_after.map_or(Asks::TryAgain, Asks::Wait),
        _ => Asks::Nothing,
    }
}

/// Runs a future with a deadline.
///
/// # Errors
/// The future's own, or that it took longer than `limit`.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(limit, future).await.with_context(|| format!("{what} took longer than {} seconds", limit.as_secs()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn rate_limits_and_passing_failures_are_told_from_refusals() {
        let patience = Patience::default();
        let minute = Asks::Wait(Duration::from_mins(1));
        for (status, pairs, body, expected) in [
            (200, &[][..], "", Asks::Nothing),
            (404, &[], "", Asks::Nothing),
            (403, &[], "Resource not accessible by integration", Asks::Nothing),
            (403, &[("retry-after", "7")], "", Asks::Wait(Duration::from_secs(7))),
            (429, &[("retry-after", "7")], "", Asks::Wait(Duration::from_secs(7))),
            (403, &[], "You have exceeded a secondary rate limit", minute),
            (429, &[], "", minute),
            (429, &[("retry-after", "soon")], "", minute),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "", Asks::Wait(Duration::ZERO)),
            (403, &[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1")], "no", Asks::Nothing),
            (500, &[], "", Asks::TryAgain),
            (503, &[("retry-after", "3")], "", Asks::Wait(Duration::from_secs(3))),
        ] {
            assert_eq!(asks(status, &headers(pairs), body.as_bytes(), &patience), expected, "{status} {pairs:?} {body}");
        }
    }

    #[tokio::test]
    async fn tries_end_after_their_number_with_the_last_reason() {
        let mut tries = Patience::none().tries();
        for _ in 0..3 {
            assert!(tries.settle(Attempt::<()>::again(anyhow::anyhow!("down"))).await.unwrap().is_none());
        }
        let error = tries.settle(Attempt::<()>::again(anyhow::anyhow!("down"))).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "tried 4 times: down");
    }

    #[tokio::test]
    async fn a_pause_beyond_patience_ends_the_run_at_once() {
        let attempt = Attempt::<()>::Again { why: anyhow::anyhow!("limited"), pause: Some(Duration::from_hours(1)) };
        let error = Patience::none().tries().settle(attempt).await.unwrap_err();
        assert!(format!("{error:#}").contains("3600 seconds"));
    }
}
