//! How the directory behaves, and the range of every setting.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::customer::{Invalid, is_text};
use super::link::without_password;
use super::phone::PhoneRegion;

/// Where the customers are.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// In a SQLite file of our own, made if it is not there.
    Embedded {
        /// The file; SQLite keeps two more beside it.
        path: PathBuf,
    },
    /// In Redis, where other systems may write them too.
    Redis {
        /// `redis://[user[:password]@]host[:port][/db]` for one server,
        /// `redis-sentinel://[user[:password]@]host:port,host:port/master[/db]` for the master that
        /// the sentinels name, `redis-cluster://[user[:password]@]host:port,host:port` for a
        /// cluster, which is read only.
        url: String,
        /// Used instead of the password in the URL, if there is one.
        password: Option<String>,
        /// What every key begins with, 1 to 64 characters. Default `tierline`.
        prefix: String,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { path } => f.debug_struct("Embedded").field("path", path).finish(),
            Self::Redis { url, prefix, .. } => f
                .debug_struct("Redis")
                .field("url", &without_password(url))
                .field("prefix", prefix)
                .finish_non_exhaustive(),
        }
    }
}

/// How the directory behaves. `Default` is what is right for most, with customers in `customers.db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the customers are.
    pub source: Source,
    /// The country whose national telephone numbers are brought into E.164. Default none.
    pub phone_region: PhoneRegion,
    /// Longest a lookup may take, all round trips together: 1 ms to 5 s. Default 40 ms.
    pub budget: Duration,
    /// How long a customer is answered from the cache: at most 1 h. Default 30 s.
    pub fresh_for: Duration,
    /// How long "nobody" is answered from the cache: at most 1 h. Default 5 s.
    pub unknown_for: Duration,
    /// How long a customer may be answered as stale: at most 30 days. Default 24 h.
    pub stale_for: Duration,
    /// Most answers kept, about 600 bytes each: 1 to 10 million. Default 100,000.
    pub cache_entries_max: usize,
    /// Failures in a row that open the breaker: 1 to 1000. Default 5.
    pub failures_max: u32,
    /// How long the breaker stays open before it tries again: 10 ms to 1 min. Default 1 s.
    pub cool_down: Duration,
    /// Longest a put, a delete, or each batch of an import may take: 10 ms to 5 min. Default 5 s.
    pub write_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: Source::Embedded { path: "customers.db".into() },
            phone_region: PhoneRegion::NONE,
            // Long enough for two round trips to another building; a caller does not notice it.
            budget: Duration::from_millis(40),
            fresh_for: Duration::from_secs(30),
            unknown_for: Duration::from_secs(5),
            stale_for: Duration::from_secs(24 * 3600),
            cache_entries_max: 100_000,
            failures_max: 5,
            cool_down: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// # Errors
    /// The first setting outside its range. Whether a Redis URL can be read is checked by
    /// [`super::Directory::open`].
    pub fn check(&self) -> Result<(), Invalid> {
        let ms = Duration::from_millis;
        let within = |field: &str, value: Duration, min, max, range| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(Invalid::new(field, &format!("{value:?}"), range))
            }
        };
        within("budget", self.budget, ms(1), ms(5000), "between 1 ms and 5 s")?;
        within("fresh_for", self.fresh_for, ms(0), ms(3_600_000), "between 0 and 1 h")?;
        within("unknown_for", self.unknown_for, ms(0), ms(3_600_000), "between 0 and 1 h")?;
        within("stale_for", self.stale_for, ms(0), ms(2_592_000_000), "between 0 and 30 days")?;
        within("cool_down", self.cool_down, ms(10), ms(60_000), "between 10 ms and 1 min")?;
        within(
            "write_timeout",
            self.write_timeout,
            ms(10),
            ms(300_000),
            "between 10 ms and 5 min",
        )?;
        if !(1..=10_000_000).contains(&self.cache_entries_max) {
            let value = self.cache_entries_max.to_string();
            return Err(Invalid::new("cache_entries_max", &value, "between 1 and 10000000"));
        }
        if !(1..=1000).contains(&self.failures_max) {
            let value = self.failures_max.to_string();
            return Err(Invalid::new("failures_max", &value, "between 1 and 1000"));
        }
        if let Source::Redis { prefix, .. } = &self.source
            && !is_text(prefix, 1, 64)
        {
            let range = "1 to 64 characters without control characters";
            return Err(Invalid::new("prefix", prefix, range));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn a_setting_outside_its_range_is_refused_with_name_value_and_range() {
        let check = |spoil: &dyn Fn(&mut Settings), message: &str| {
            let mut settings = Settings::default();
            spoil(&mut settings);
            assert_eq!(settings.check().unwrap_err().to_string(), message);
        };
        let secs = Duration::from_secs;
        check(&|s| s.budget = secs(6), r#"budget = "6s" is not between 1 ms and 5 s"#);
        check(&|s| s.budget = secs(0), r#"budget = "0ns" is not between 1 ms and 5 s"#);
        check(&|s| s.fresh_for = secs(3601), r#"fresh_for = "3601s" is not between 0 and 1 h"#);
        check(&|s| s.unknown_for = secs(3601), r#"unknown_for = "3601s" is not between 0 and 1 h"#);
        check(
            &|s| s.stale_for = secs(2_592_001),
            r#"stale_for = "2592001s" is not between 0 and 30 days"#,
        );
        check(&|s| s.cool_down = secs(0), r#"cool_down = "0ns" is not between 10 ms and 1 min"#);
        check(
            &|s| s.write_timeout = secs(301),
            r#"write_timeout = "301s" is not between 10 ms and 5 min"#,
        );
        check(
            &|s| s.cache_entries_max = 0,
            r#"cache_entries_max = "0" is not between 1 and 10000000"#,
        );
        check(&|s| s.failures_max = 0, r#"failures_max = "0" is not between 1 and 1000"#);
        check(
            &|s| {
                let url = "redis://127.0.0.1".into();
                s.source = Source::Redis { url, password: None, prefix: String::new() };
            },
            r#"prefix = "" is not 1 to 64 characters without control characters"#,
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let source = Source::Redis {
            url: "redis://tierline:hunter2@127.0.0.1:6379/1".into(),
            password: Some("hunter3".into()),
            prefix: "tierline".into(),
        };
        let shown = format!("{source:?}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("127.0.0.1:6379"), "{shown}");
    }
}
