//! A filter that is asked about every event.
//!
//! A filter of one layer says in a variable of the thread whether it wants what comes next. Of what it always wants it
//! is not asked, and then the variable still says what was asked before: sqlx asks after each statement whether that is
//! to be logged, and the next line was lost (tokio-rs/tracing#2519, tracing-subscriber 0.3.23).

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    layer::{Context, Filter},
};

/// The same filter, which always wants nothing: what it wants, it wants when asked.
pub(super) struct Asked(pub(super) EnvFilter);

impl<S: Subscriber> Filter<S> for Asked {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Filter::enabled(&self.0, metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = Filter::<S>::callsite_enabled(&self.0, metadata);
        if interest.is_always() { Interest::sometimes() } else { interest }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        Filter::event_enabled(&self.0, event, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.0)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        Filter::on_new_span(&self.0, attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        Filter::on_record(&self.0, id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        Filter::on_enter(&self.0, id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        Filter::on_exit(&self.0, id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        Filter::on_close(&self.0, id, context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing::{Level, callsite::Callsite, dispatcher};
    use tracing_subscriber::{Layer, layer::SubscriberExt, registry};

    use super::*;

    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_line_is_not_lost_because_something_else_was_asked_about_before() {
        let count = Arc::new(AtomicUsize::new(0));
        let filter = Asked(EnvFilter::try_new("warn,wanted=info").unwrap());
        let log = registry().with(Count(Arc::clone(&count)).with_filter(filter));
        let asked = tracing::callsite! { name: "statement", kind: tracing::metadata::Kind::EVENT,
        target: "sqlx", level: Level::DEBUG, fields: message };
        tracing::subscriber::with_default(log, || {
            for _ in 0..3 {
                tracing::info!(target: "wanted", "a line");
                dispatcher::get_default(|log| log.enabled(asked.metadata()));
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }
}
