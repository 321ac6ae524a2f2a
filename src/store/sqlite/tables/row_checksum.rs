//! The checksum of a stored event, which detects flipped bits.

use twox_hash::XxHash3_64;
use uuid::Uuid;

/// Every column of an event as it is stored, except the checksum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) sequence: i64,
    pub(super) event_id: Uuid,
    pub(super) time_us: i64,
    pub(super) time_digits: u8,
    pub(super) event_type_id: i32,
    pub(super) record_id: i64,
    pub(super) source_id: i64,
    pub(super) source_type_id: i32,
    pub(super) source_name: &'a str,
    pub(super) source_info: &'a str,
    pub(super) file_id: Option<Uuid>,
    pub(super) files: Option<&'a str>,
    pub(super) redactions: Option<&'a str>,
    pub(super) received_after_us: i64,
    pub(super) event_data: &'a str,
}

/// Enough for all but the longest texts beside the data.
const USUAL_BYTES: usize = 256;

impl Columns<'_> {
    /// Returns the XXH3 of the columns, each text behind its length, so that rows that differ have
    /// different bytes. Stored checksums depend on it: it must not change.
    pub(super) fn checksum(&self) -> i64 {
        let Self {
            sequence,
            event_id,
            time_us,
            time_digits,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            file_id,
            files,
            redactions,
            received_after_us,
            event_data,
        } = self;
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.extend(sequence.to_le_bytes());
        bytes.extend(event_id.as_bytes());
        bytes.extend(time_us.to_le_bytes());
        bytes.push(*time_digits);
        bytes.extend(event_type_id.to_le_bytes());
        bytes.extend(record_id.to_le_bytes());
        bytes.extend(source_id.to_le_bytes());
        bytes.extend(source_type_id.to_le_bytes());
        bytes.extend(received_after_us.to_le_bytes());
        let mut part = |part: Option<&[u8]>| {
            bytes.push(u8::from(part.is_some()));
            let part = part.unwrap_or_default();
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        };
        part(Some(source_name.as_bytes()));
        part(Some(source_info.as_bytes()));
        part(file_id.as_ref().map(|it| it.as_bytes().as_slice()));
        part(files.map(str::as_bytes));
        if redactions.is_some() {
            part(redactions.map(str::as_bytes));
        }
        bytes.extend((event_data.len() as u64).to_le_bytes());
        // The data may be long, and need not be copied: the rest is the seed of their sum.
        let seed = XxHash3_64::oneshot(&bytes);
        XxHash3_64::oneshot_with_seed(seed, event_data.as_bytes()).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::Columns;

    const COLUMNS: Columns<'static> = Columns {
        sequence: 3,
        event_id: Uuid::from_u128(1),
        time_us: 1_668_075_972_111_000,
        time_digits: 3,
        event_type_id: 9,
        record_id: 42,
        source_id: 7,
        source_type_id: 1,
        source_name: "ab",
        source_info: "c",
        file_id: None,
        files: None,
        redactions: None,
        received_after_us: 40_000,
        event_data: "[{\"a\":1}]",
    };

    #[test]
    fn every_column_counts() {
        let changes: [fn(&mut Columns<'static>); 24] = [
            |_| {},
            |it| it.sequence += 1,
            |it| it.event_id = Uuid::from_u128(2),
            |it| it.time_us += 1,
            |it| it.time_digits += 1,
            |it| it.event_type_id += 1,
            |it| it.record_id += 1,
            |it| it.source_id += 1,
            |it| it.source_type_id += 1,
            |it| it.source_name = "",
            |it| it.source_info = "",
            |it| it.file_id = Some(Uuid::nil()),
            |it| it.files = Some(""),
            |it| it.files = Some("[]"),
            |it| it.redactions = Some(""),
            |it| it.redactions = Some("[]"),
            |it| it.received_after_us += 1,
            |it| it.event_data = "",
            |it| it.event_data = "[{\"a\":0}]",
            // The same bytes, elsewhere.
            |it| (it.source_name, it.source_info) = ("a", "bc"),
            |it| (it.source_info, it.event_data) = ("c[", "{\"a\":1}]"),
            |it| (it.source_id, it.record_id) = (it.record_id, it.source_id),
            |it| (it.event_type_id, it.source_type_id) = (1, 9),
            |it| (it.file_id, it.files) = (Some(Uuid::nil()), Some("")),
        ];
        let sums: HashSet<i64> = changes
            .iter()
            .map(|change| {
                let mut columns = COLUMNS;
                change(&mut columns);
                columns.checksum()
            })
            .collect();
        assert_eq!(sums.len(), changes.len());
    }

    #[test]
    fn the_checksum_of_stored_rows_never_changes() {
        assert_eq!(COLUMNS.checksum(), 5_414_203_547_194_393_827);
        let long = "x".repeat(100_000);
        let columns = Columns {
            event_data: &long,
            files: Some("[]"),
            file_id: Some(Uuid::from_u128(5)),
            ..COLUMNS
        };
        assert_eq!(columns.checksum(), -3_662_856_411_592_524_391);
    }
}
