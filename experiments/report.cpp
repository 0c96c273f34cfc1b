// The report is written here.
