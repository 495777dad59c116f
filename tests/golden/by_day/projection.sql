CREATE EXTERNAL TABLE IF NOT EXISTS `cf_logs` (
  `logdate` date COMMENT 'Day of the request, UTC',
  `logtime` string COMMENT 'Time of the request, UTC, HH:MM:SS',
  `location` string COMMENT 'Edge location that served the request',
  `bytes` bigint COMMENT 'Bytes sent to the viewer, headers included',
  `requestip` string COMMENT 'Address of the viewer or of its proxy',
  `method` string COMMENT 'HTTP method',
  `host` string COMMENT 'Domain name of the distribution',
  `uri` string COMMENT 'Path of the request, without the query string',
  `status` bigint COMMENT 'HTTP status; 0 where the viewer left before an answer',
  `referrer` string COMMENT 'Referer header, percent-encoded as logged',
  `useragent` string COMMENT 'User-Agent header, percent-encoded as logged',
  `uriquery` string COMMENT 'Query string, percent-encoded as logged',
  `cookie` string COMMENT 'Cookie header, where cookies are logged',
  `resulttype` string COMMENT 'How the request was classified after the last byte: Hit, Miss, Error and others',
  `requestid` string COMMENT 'Opaque id of the request',
  `header` string COMMENT 'Host header that the viewer sent',
  `csprotocol` string COMMENT 'Protocol of the request: http, https, ws, wss, grpcs',
  `csbytes` string COMMENT 'Bytes received from the viewer, as logged',
  `timetaken` bigint COMMENT 'Whole seconds from the request to the last byte of the answer',
  `forwardedfor` string COMMENT 'X-Forwarded-For header',
  `sslprotocol` string COMMENT 'TLS version',
  `sslcipher` string COMMENT 'TLS cipher',
  `responseresulttype` string COMMENT 'How the request was classified before the first byte',
  `protocolversion` string COMMENT 'HTTP version',
  `browserfamily` string COMMENT 'Browser family of the user agent, Other if unknown',
  `osfamily` string COMMENT 'Operating-system family of the user agent, Other if unknown',
  `isbot` string COMMENT 'True where the user agent is a bot, else False',
  `filename` string COMMENT 'Key of the log object',
  `distribution` string COMMENT 'Distribution id'
)
PARTITIONED BY (`year` string, `month` string, `day` string)
STORED AS PARQUET
LOCATION 's3://example-bucket/lake/cf_logs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.year.type' = 'integer',
  'projection.year.range' = '2012,2030',
  'projection.year.digits' = '4',
  'projection.month.type' = 'integer',
  'projection.month.range' = '1,12',
  'projection.month.digits' = '2',
  'projection.day.type' = 'integer',
  'projection.day.range' = '1,31',
  'projection.day.digits' = '2',
  'storage.location.template' = 's3://example-bucket/lake/cf_logs/year=${year}/month=${month}/day=${day}/'
);
