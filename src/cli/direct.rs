//! Customers in a Redis worked on without a server: for the first filling, and for a Redis that many
//! servers read.

use super::fault::Fault;
use crate::directory::{self, Directory, Health, Settings, Source};
use clap::Args;
use std::sync::Arc;
use std::time::Duration;

/// Where the password comes from, as for the server.
const PASSWORD: &str = "TIERLINE_DIRECTORY_PASSWORD";
/// Longest a batch of an import may take: nobody waits for it but its file.
const BATCH_MAX: Duration = Duration::from_secs(60);

/// A Redis instead of a server.
#[derive(Args, Debug)]
pub(crate) struct Direct {
    /// Work on this Redis, not through a server: redis://, redis-sentinel:// or redis-cluster://; its password is in
    /// `TIERLINE_DIRECTORY_PASSWORD`
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// What every key begins with
    #[arg(long, value_name = "PREFIX", default_value = "tierline", requires = "redis")]
    prefix: String,
    /// The country of national telephone numbers, as the servers have it in `directory.phone_region`
    #[arg(long, value_name = "COUNTRY", requires = "redis")]
    phone_region: Option<String>,
}

impl Direct {
    /// The Redis, connected to within `timeout`; `None` if the server is to be asked.
    pub(crate) async fn open(&self, timeout: Duration) -> Result<Option<Directory>, Fault> {
        let Some(url) = &self.redis else {
            return Ok(None);
        };
        let phone_region = self.phone_region.as_deref().map(str::parse).transpose();
        let phone_region = phone_region
            .map_err(|invalid: directory::Invalid| Fault::Usage(format!("--{invalid}")))?;
        let settings = Settings {
            source: Source::Redis {
                url: url.clone(),
                password: std::env::var(PASSWORD).ok().filter(|password| !password.is_empty()),
                prefix: self.prefix.clone(),
            },
            phone_region: phone_region.unwrap_or_default(),
            budget: Duration::from_secs(1),
            cache_entries_max: 1,
            write_timeout: BATCH_MAX,
            ..Settings::default()
        };
        let directory = Directory::open(settings, Arc::new(())).await.map_err(fault)?;
        let mut health = directory.health();
        let up = health.wait_for(|health| *health == Health::Up);
        if tokio::time::timeout(timeout, up).await.is_err() {
            // It says why.
            let error = directory.list(None, 1).await.err();
            return Err(Fault::NoDirectory(error.map_or_else(String::new, |e| e.to_string())));
        }
        Ok(Some(directory))
    }
}

/// What a directory could not do, for whoever asked it directly.
pub(crate) fn fault(error: directory::Error) -> Fault {
    match error {
        directory::Error::Invalid(_) | directory::Error::Url { .. } => {
            Fault::Usage(error.to_string())
        }
        error => Fault::NoDirectory(error.to_string()),
    }
}
