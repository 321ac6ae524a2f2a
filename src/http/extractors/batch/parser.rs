//! Parses the events of a body, one by one as they come in.

use std::sync::Arc;

use serde_json::Value;

use super::MAX_BATCH_EVENTS;
use super::cloud_event;
use super::form::Form;
use super::splitter::{Piece, Splitter, Text};
use crate::domain::{Event, EventId, Invalid, TenantSchemas};
use crate::http::extractors::event_fields::{self, Defaults, EVENT_DATA};
use crate::http::extractors::event_schema::{self, Unmatched};
use crate::http::extractors::json_fields::{BODY, JSON_INVALID, Object, Place};
use crate::http::extractors::{MAX_EVENT_BYTES, Problems};
use crate::http::responses::{ApiError, ApiResult, Problem};

/// The problems that are listed of a batch. Of each further event only the first one is: a response is not much longer
/// than its request.
const MAX_PROBLEMS: usize = 1000;

/// An event of the body, or why it is none.
pub(crate) type BatchEvent = Result<Event, Refused>;

/// An event that cannot be stored as it is.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Its id, if that can be read.
    pub(crate) event_id: Option<EventId>,
    pub(crate) problems: Vec<Problem>,
    /// The event, if nothing is wrong but that it does not match its schema: it may have been stored before the schema
    /// was there.
    pub(crate) event: Option<Box<Event>>,
}

#[derive(Debug)]
pub(super) struct Parser {
    splitter: Splitter,
    events: Events,
}

#[derive(Debug)]
struct Events {
    form: Form,
    schemas: Option<Arc<TenantSchemas>>,
    parsed: Vec<BatchEvent>,
    problems: usize,
}

impl Parser {
    pub(super) fn new(form: Form, schemas: Option<Arc<TenantSchemas>>) -> Self {
        let splitter = match form {
            Form::Json => Splitter::Json,
            Form::Lines => Splitter::Lines(Piece::default()),
            Form::CloudEvents => Splitter::Array,
            Form::CloudEvent | Form::CloudEventData(_) => Splitter::Whole(Piece::default()),
        };
        let (parsed, problems) = (Vec::new(), 0);
        Self {
            splitter,
            events: Events {
                form,
                schemas,
                parsed,
                problems,
            },
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> ApiResult<()> {
        let Self { splitter, events } = self;
        let is_lone = matches!(splitter, Splitter::Whole(_));
        splitter.feed::<Failure>(bytes, &mut |text| events.take(text, is_lone))?;
        Ok(())
    }

    /// Returns the events, and whether the body is one event and no list.
    pub(super) fn finish(self) -> ApiResult<(bool, Vec<BatchEvent>)> {
        let Self {
            splitter,
            mut events,
        } = self;
        let is_lone = matches!(splitter, Splitter::Whole(_));
        let is_list = matches!(splitter, Splitter::Elements(_));
        splitter.finish::<Failure>(&mut |text| events.take(text, is_lone))?;
        if events.parsed.is_empty() && !is_list {
            return Err(Failure::from(Invalid::missing()).0); // an empty body
        }
        Ok((is_lone, events.parsed))
    }
}

impl Events {
    fn take(&mut self, text: Text<'_>, is_lone: bool) -> Result<(), Failure> {
        let index = self.parsed.len();
        if index == MAX_BATCH_EVENTS {
            let limit = MAX_BATCH_EVENTS;
            return Err(Failure(ApiError::TooManyEvents { limit }));
        }
        let place = Place {
            index: (!is_lone).then_some(index),
            member: None,
        };
        let mut parsed = match text {
            Text::Json(json) if json.len() <= self.max_text_bytes() => self.parse(json, place)?,
            Text::Json(_) | Text::TooLong if is_lone => {
                let limit_bytes = MAX_EVENT_BYTES;
                return Err(Failure(ApiError::TooLarge { limit_bytes }));
            }
            Text::Json(_) | Text::TooLong => refused(place, too_long()),
        };
        if let Err(refused) = &mut parsed {
            if self.problems >= MAX_PROBLEMS {
                refused.problems.truncate(1);
            }
            self.problems += refused.problems.len();
            refused.problems.shrink_to_fit();
        }
        self.parsed.push(parsed);
        Ok(())
    }

    /// Returns the largest text of an event; that of a `CloudEvent` has attributes too, and the splitter's limit.
    const fn max_text_bytes(&self) -> usize {
        match self.form {
            Form::Json | Form::Lines | Form::CloudEventData(_) => MAX_EVENT_BYTES,
            Form::CloudEvent | Form::CloudEvents => usize::MAX,
        }
    }

    /// Parses the text of an event. An element of an array that is no JSON is an error of the whole.
    fn parse(&self, json: &[u8], place: Place) -> Result<BatchEvent, Failure> {
        let object = match Object::parse(json.trim_ascii(), place) {
            Ok(object) => object,
            Err(invalid) => {
                let is_line = matches!(self.form, Form::Lines);
                if invalid.kind == JSON_INVALID && !is_line {
                    let problem = Problem::new(place.loc(), invalid);
                    return Err(Failure(ApiError::Invalid(vec![problem])));
                }
                return Ok(refused(place, invalid));
            }
        };
        let mut problems = Problems::default();
        let (event, event_id) = match &self.form {
            Form::Json | Form::Lines => {
                let event = event_fields::parse(&object, Defaults::default(), &mut problems);
                (event, object.peek("event_id", event_fields::event_id))
            }
            Form::CloudEventData(attributes) => {
                (attributes.parse(&object, &mut problems), None) // alone: nobody asks for its id
            }
            Form::CloudEvent | Form::CloudEvents => {
                let event = cloud_event::structured(&object, &mut problems);
                (event, cloud_event::peek_id(&object))
            }
        };
        let event = match (problems.check(event), &self.schemas) {
            (Ok(event), Some(schemas)) => {
                event_schema::check(schemas, event, &self.data_loc(&object))
            }
            (Ok(event), None) => return Ok(Ok(event)),
            (Err(problems), _) => {
                let event = None;
                return Ok(Err(Refused {
                    event_id,
                    problems,
                    event,
                }));
            }
        };
        Ok(event.map_err(|unmatched| {
            let Unmatched { event, problems } = *unmatched;
            Refused {
                event_id: Some(event.id),
                problems,
                event: Some(Box::new(event)),
            }
        }))
    }

    /// Returns the location of the data of an event.
    fn data_loc(&self, object: &Object<'_>) -> Vec<Value> {
        let mut place = object.place();
        if matches!(self.form, Form::CloudEvent | Form::CloudEvents) {
            place.member = Some(cloud_event::data_member(object));
        }
        let mut loc = place.loc();
        loc.push(EVENT_DATA.into());
        loc
    }
}

fn refused(place: Place, invalid: Invalid) -> BatchEvent {
    Err(Refused {
        event_id: None,
        problems: vec![Problem::new(place.loc(), invalid)],
        event: None,
    })
}

fn too_long() -> Invalid {
    let message = format!("Event should have at most {MAX_EVENT_BYTES} bytes");
    Invalid::new("too_long", message)
}

/// An error of the whole body.
struct Failure(ApiError);

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self(ApiError::Invalid(vec![Problem::new(
            vec![BODY.into()],
            invalid,
        )]))
    }
}

impl From<Failure> for ApiError {
    fn from(Failure(error): Failure) -> Self {
        error
    }
}
