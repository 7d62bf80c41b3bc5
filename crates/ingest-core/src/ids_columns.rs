//! The columns that make a file an ids file.

/// The columns around the key.
pub(crate) const RECORD_COLUMN: &str = "_record";
pub(crate) const ID_COLUMN: &str = "Id";
pub(crate) const CHANGE_COLUMN: &str = "_change";

/// Whether the column at this place is one that no field has, in the header of an ids file.
pub(crate) fn is_added_to_ids(columns: &[String], column: usize) -> bool {
    let own = |name: &String| match name.trim() {
        RECORD_COLUMN => Some(RECORD_COLUMN),
        ID_COLUMN => Some(ID_COLUMN),
        CHANGE_COLUMN => Some(CHANGE_COLUMN),
        _ => None,
    };
    let is_of_ids = match columns {
        [first, key @ .., id, change] if key.len() < 2 => {
            [first, id, change].map(own) == [RECORD_COLUMN, ID_COLUMN, CHANGE_COLUMN].map(Some)
        }
        _ => false,
    };
    is_of_ids && columns.get(column).and_then(own).is_some_and(|name| name != ID_COLUMN)
}

#[cfg(test)]
mod tests {
    use super::is_added_to_ids;

    #[test]
    fn only_in_an_ids_file_do_two_columns_fill_no_field() {
        let added = |header: &str| {
            let columns: Vec<String> = header.split(',').map(str::to_owned).collect();
            (0..columns.len()).filter(|at| is_added_to_ids(&columns, *at)).collect::<Vec<_>>()
        };

        assert_eq!(added("_record,Kundennr,Id,_change"), [0, 3]);
        assert_eq!(added("_record,Id, _change"), [0, 2]);
        for other in ["_record,Id", "Id,_change", "_record,A,B,Id,_change", "_record,A,_change,Id"]
        {
            assert_eq!(added(other), [0; 0], "{other}");
        }
    }
}
