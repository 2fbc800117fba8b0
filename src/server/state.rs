//! Whether the server is ready, and what its pages show.

use crate::directory::Directory;
use crate::driver::Handle;
use crate::metrics::{Metrics, Scrape};
use crate::web::Pages;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct State {
    handle: Handle,
    directory: Directory,
    metrics: Arc<Metrics>,
    is_draining: AtomicBool,
}

impl State {
    pub(super) fn new(handle: Handle, directory: Directory, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { handle, directory, metrics, is_draining: AtomicBool::new(false) })
    }

    /// From now on the server is not ready.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}

impl Pages for State {
    fn metrics(&self) -> String {
        self.metrics.render(&Scrape {
            view: &self.handle.view(),
            now: self.handle.clock().now(),
            directory: &self.directory,
            is_ready: self.unready().is_none(),
        })
    }

    fn quarantined_count(&self) -> usize {
        self.handle.view().quarantined_count
    }

    fn unready(&self) -> Option<&'static str> {
        if self.is_draining.load(Ordering::Relaxed) {
            Some("the server is stopping")
        } else if self.handle.views().has_changed().is_err() {
            Some("the journal has failed")
        } else if self.handle.view().is_full {
            Some("the journal has no space left")
        } else if self.handle.view().trouble.as_ref().is_some_and(|trouble| trouble.is_damage) {
            Some(
                "what is on disk cannot be read back: see the log, and run tierline journal verify",
            )
        } else {
            None
        }
    }
}
