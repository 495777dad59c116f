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
PARTITIONED BY (`year` string, `month` string, `day` string, `hour` string)
STORED AS PARQUET
LOCATION 's3://example-bucket/lake/cf_logs/';
ALTER TABLE `cf_logs` ADD IF NOT EXISTS
PARTITION (`year`='2012', `month`='01', `day`='05', `hour`='06') LOCATION 's3://example-bucket/lake/cf_logs/year=2012/month=01/day=05/hour=06/'
PARTITION (`year`='2018', `month`='07', `day`='01', `hour`='00') LOCATION 's3://example-bucket/lake/cf_logs/year=2018/month=07/day=01/hour=00/'
PARTITION (`year`='2024', `month`='05', `day`='17', `hour`='09') LOCATION 's3://example-bucket/lake/cf_logs/year=2024/month=05/day=17/hour=09/'
PARTITION (`year`='2024', `month`='05', `day`='17', `hour`='10') LOCATION 's3://example-bucket/lake/cf_logs/year=2024/month=05/day=17/hour=10/'
PARTITION (`year`='2024', `month`='12', `day`='31', `hour`='23') LOCATION 's3://example-bucket/lake/cf_logs/year=2024/month=12/day=31/hour=23/'
PARTITION (`year`='2025', `month`='01', `day`='01', `hour`='00') LOCATION 's3://example-bucket/lake/cf_logs/year=2025/month=01/day=01/hour=00/'
PARTITION (`year`='2025', `month`='10', `day`='05', `hour`='01') LOCATION 's3://example-bucket/lake/cf_logs/year=2025/month=10/day=05/hour=01/';
