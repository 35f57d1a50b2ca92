-- Reports that the API makes have schedules too, one for each report template: it selects no accounts, and says
-- whether its template is there and how often its reports recur.
alter table schedules
    add column by_request boolean not null default false,
    -- The report template that it goes by.
    add column report_template text;
