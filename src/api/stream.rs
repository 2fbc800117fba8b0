//! The streams that answer calls: bounded, and ended with a status that says why.

use super::convert::{self, Payload};
use super::places::Place;
use super::proto::v1 as pb;
use super::status::Fault;
use crate::driver::Seen;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tonic::Status;

/// A ticket as it changes, until it has ended.
pub struct Following {
    /// `None` once the stream has ended.
    changes: Option<WatchStream<Seen>>,
    _permit: Place,
}

impl Following {
    pub(super) fn of(changes: watch::Receiver<Seen>, permit: Place) -> Self {
        Self { changes: Some(WatchStream::new(changes)), _permit: permit }
    }
}

impl Stream for Following {
    type Item = Result<pb::WatchTicketResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(changes) = &mut self.changes else { return Poll::Ready(None) };
        let next = ready!(Pin::new(changes).poll_next(cx));
        if matches!(next, None | Some(Seen::Ended(_))) {
            self.changes = None;
        }
        Poll::Ready(Some(match next {
            Some(seen) => {
                let ticket = convert::ticket(&seen, Payload::LeftOut);
                Ok(pb::WatchTicketResponse { ticket: Some(ticket) })
            }
            // The driver has gone, and the ticket has not ended.
            None => Err(Fault::stopping().into()),
        }))
    }
}

/// A stream that holds a place among the watchers as long as it lives, and says at its end that the
/// server is stopping.
pub struct Overviews {
    views: Option<Pin<Box<dyn Stream<Item = pb::Overview> + Send>>>,
    /// Done when the server is about to stop; it is asked first, for views may be far between.
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    _permit: Place,
}

impl Overviews {
    pub(super) fn of(
        views: impl Stream<Item = pb::Overview> + Send + 'static,
        over: impl Future<Output = ()> + Send + 'static,
        permit: Place,
    ) -> Self {
        Self { views: Some(Box::pin(views)), over: Box::pin(over), _permit: permit }
    }
}

impl Stream for Overviews {
    type Item = Result<pb::WatchQueuesResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(views) = &mut this.views else { return Poll::Ready(None) };
        let next = match this.over.as_mut().poll(cx) {
            Poll::Ready(()) => None,
            Poll::Pending => ready!(views.as_mut().poll_next(cx)),
        };
        let Some(overview) = next else {
            this.views = None;
            return Poll::Ready(Some(Err(Fault::stopping().into())));
        };
        Poll::Ready(Some(Ok(pb::WatchQueuesResponse { overview: Some(overview) })))
    }
}
