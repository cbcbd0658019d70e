/**
 * What is JSON and what is not, written down along the productions of RFC 8259 (sections 2 to 8) and, for the bytes
 * of texts, of UTF-8 (RFC 3629, section 4). Each is a string of bytes: a character is one byte of it, as in latin1.
 * None holds a newline, which ends a line for us.
 */

export interface Vector {
  /** The production. */
  readonly name: string;
  /** y: is JSON; n: is not. */
  readonly kind: 'y' | 'n';
  readonly bytes: string;
}

/** All of a production: what it makes, and what is close to it. */
function production(name: string, good: readonly string[], bad: readonly string[]): Vector[] {
  return [
    ...good.map((bytes) => ({ name, kind: 'y', bytes }) as const),
    ...bad.map((bytes) => ({ name, kind: 'n', bytes }) as const),
  ];
}

const inText = (content: string): string => `["${content}"]`;

export const VECTORS: readonly Vector[] = [
  ...production(
    'JSON-text = ws value ws',
    ['{}', '[]', ' {}', '\t[]\r', ' \t\r 0 \r\t ', '"x"', '-1', 'true', 'null'],
    ['', ' ', '\t\r', '{} {}', '[][]', '1 2', '{},', ',{}', '[]x', 'x[]', '""""', '\0{}', '{}\0'],
  ),
  ...production(
    'ws',
    ['[ ]', '{\t}', '[\r1\r]', '{ "a" : 1 }', '[1 , 2]', '{"a"\t:\r1\t,\r"b" : 2 }'],
    ['[\v1]', '[\f1]', '[\xa01]', '[1]\x1f', '\x08[]', '[\x001]', '[/**/1]', '[1]//', '#[]'],
  ),
  ...production(
    'BOM (section 8.1: must not be added)',
    ['["\xef\xbb\xbf"]'],
    ['\xef\xbb\xbf{}', '\xef\xbb\xbf', '{}\xef\xbb\xbf', '[\xef\xbb\xbf1]', '\xfe\xff\0[\0]'],
  ),
  ...production(
    'false null true',
    ['true', 'false', 'null', '[true,false,null]', '{"a":true}', '[[null]]', '[false ]'],
    ['True', 'TRUE', 'FALSE', 'Null', 'nul', 'tru', 'fals', 't', 'f', 'n', 'truee', 'nulll'],
  ),
  ...production(
    'no other literal',
    [],
    ['falsefalse', '[truefalse]', 'undefined', 'NaN', '[Infinity]', '-Infinity', '[nan]', 'none'],
  ),
  ...production(
    'begin-object, end-object',
    ['{}', '{"a":{}}', '{"a":{"b":{}}}', '{"":""}', '{ }'],
    ['{', '}', '{}}', '{{}}', '{"a":{}', '{"a":1}}', '{]', '{"a":1]', '[{]}', '{"a":}', '({})'],
  ),
  ...production(
    'member = string name-separator value',
    ['{"a":1}', '{"a" :1}', '{"a": 1}', '{"\\u0061":1}', '{"a\\"b":1}', '{"\xc3\xa9":1}'],
    ['{"a"}', '{"a",1}', '{"a"1}', '{"a"::1}', '{:1}', '{a:1}', "{'a':1}", '{1:1}', '{null:1}'],
  ),
  ...production(
    'a name is a string and nothing else',
    [],
    [
      '{[]:1}',
      '{"a":1,2}',
      '{"a":1,[]}',
      '{"a":1,{}}',
      '{"a":1,null}',
      '{{}:1}',
      '{"a":1:2}',
      '{"a"=1}',
      '{"a":"b":1}',
      '{"a" "b":1}',
      '{true:1}',
      '{"a',
    ],
  ),
  ...production(
    'members with value-separators',
    ['{"a":1,"b":2}', '{"a":1,"a":2}', '{"a":1 ,"b":2}', '{"a":{},"b":[]}', '{"a":"","b":""}'],
    [
      '{,}',
      '{"a":1,}',
      '{,"a":1}',
      '{"a":1,,"b":2}',
      '{"a":1 "b":2}',
      '{"a":1;"b":2}',
      '{"a":1,b}',
    ],
  ),
  ...production(
    'begin-array, end-array',
    ['[]', '[[]]', '[[],[]]', '[{}]', '[[[[[[[[[[]]]]]]]]]]', '[ [ ] ]'],
    ['[', ']', '[]]', '[[]', '[}', '[1}', '{"a":[}]', '(1)', '[[[', '[1', '["a', '<1>'],
  ),
  ...production(
    'values with value-separators',
    ['[1,2]', '[1 ,2]', '[1, 2]', '["a","b"]', '[{},[],"",0,true]', '[[],{},[]]'],
    ['[,]', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[1;2]', '[1:2]', '["a":1]', '[1,2', '["a""b"]'],
  ),
  ...production(
    'number = [ minus ] int',
    [
      '0',
      '-0',
      '1',
      '-1',
      '10',
      '1234567890',
      '-9876543210',
      '[0]',
      '[-0,0]',
      '18446744073709551616',
    ],
    ['-', '+1', '--1', '- 1', '00', '01', '-01', '-00', '1 0', '1a', '1,', '0x10', '1_000'],
  ),
  ...production(
    'digits are those of ASCII',
    [],
    [
      '\xef\xbc\x91',
      '[1\xc2\xb2]',
      '[\xd9\xa1]',
      '1/',
      '1:',
      '[-a]',
      '[1-]',
      '[1+1]',
      '0b1',
      '1n',
      '.',
    ],
  ),
  ...production(
    'frac = decimal-point 1*DIGIT',
    ['0.0', '1.5', '-0.0', '-1.25', '0.00001', '10.01', '[1.5]', '123.4560'],
    [
      '1.',
      '.1',
      '-.1',
      '1..1',
      '1.1.1',
      '1.a',
      '0.',
      '-0.',
      '[1.]',
      '1,5e',
      '1. 5',
      '01.5',
      '1.-5',
    ],
  ),
  ...production(
    'exp = e [ minus / plus ] 1*DIGIT',
    ['1e1', '1E1', '1e+1', '1e-1', '1E+01', '0e0', '1.5e10', '-0e-0', '1e00', '1e999', '1e-999'],
    [
      '1e',
      '1E',
      '1e+',
      '1e-',
      'e1',
      '1e+-1',
      '1e1.5',
      '1e1e1',
      '1ee1',
      '1.e1',
      '1e 1',
      '1f1',
      '[1e]',
    ],
  ),
  ...production(
    'string = quotation-mark *char quotation-mark',
    ['""', '"a"', '" "', '"{}[],:"', '"\'"', '"/"', '"\x7f"', '"0123456789abcdef0123456789abcdef"'],
    ['"', '"a', 'a"', "'a'", '"a""', '"""', '"a\\"', '\\"a"', '`a`', '"a\0', '"0123456789abcdef'],
  ),
  ...production(
    'unescaped: no control character',
    [inText('\x20'), inText('\x7f'), inText('\xc2\x80'), inText('\xc2\x85')],
    Array.from({ length: 32 }, (_, code) => code)
      .filter((code) => code !== 10)
      .map((code) => inText(`${'x'.repeat(code % 19)}${String.fromCharCode(code)}`)),
  ),
  ...production(
    'escape',
    Array.from('"\\/bfnrt', (letter) => inText(`\\${letter}`)),
    [
      '\\',
      '\\x',
      '\\a',
      '\\v',
      '\\0',
      '\\1',
      "\\'",
      '\\U0041',
      '\\N',
      '\\ ',
      '\\\t',
      '\\\xc3\xa9',
    ].map(inText),
  ),
  ...production(
    'escape u 4HEXDIG',
    ['\\u0000', '\\u0041', '\\uABCD', '\\uabcd', '\\uFFFF', '\\u00e9x', '\\\\u12'].map(inText),
    ['\\u', '\\u1', '\\u12', '\\u123', '\\u123g', '\\uG123', '\\u 123', '\\u{41}', '\\u-123'].map(
      inText,
    ),
  ),
  ...production(
    'hexadecimal digits and nothing near them',
    ['\\u0a9f', '\\u0A9F'].map(inText),
    [
      '\\u000/',
      '\\u000:',
      '\\u000@',
      '\\u000G',
      '\\u000`',
      '\\u00\xc3\xa9',
      '\\u+041',
      '\\u0x41',
    ].map(inText),
  ),
  ...production(
    'escapes of UTF-16 (section 8.2: halves alone are allowed)',
    [
      '\\ud83d\\ude80',
      '\\uD800\\uDC00',
      '\\uDBFF\\uDFFF',
      '\\ud800',
      '\\udfff',
      '\\ude80\\ud83d',
    ].map(inText),
    ['\\ud83d\\u', '\\ud83d\\ude8', '\\ud83d\\ude8g', '\\ud83d\\', '\\ud83d\\x', '\\ud83du\\'].map(
      inText,
    ),
  ),
  ...production(
    'UTF8-2',
    ['\xc2\x80', '\xdf\xbf', '\xc3\xa9', 'abcdefghijklmn\xc3\xa9', 'abcdefghijklmno\xc3\xa9'].map(
      inText,
    ),
    ['\xc3', '\xc3x', '\xc0\x80', '\xc1\xbf', '\xc3\xc3', '\xdf\x7f', '\xc2\xc0', '\xc3\\n'].map(
      inText,
    ),
  ),
  ...production(
    'UTF8-3',
    [
      '\xe0\xa0\x80',
      '\xe1\x80\x80',
      '\xec\xbf\xbf',
      '\xee\x80\x80',
      '\xef\xbf\xbf',
      '\xed\x9f\xbf',
    ].map(inText),
    [
      '\xe0\x9f\xbf',
      '\xe0\x80\x80',
      '\xe2\x82',
      '\xe2',
      '\xe2\x28\xa1',
      '\xe2\x82\x28',
      '\xe2\x82\xc0',
    ].map(inText),
  ),
  ...production(
    'UTF-8 has no halves of UTF-16',
    ['\xed\x80\x80', '\xee\x80\x80'].map(inText),
    [
      '\xed\xa0\x80',
      '\xed\xad\xbf',
      '\xed\xae\x80',
      '\xed\xbf\xbf',
      '\xed\xa0\xbd\xed\xba\x80',
    ].map(inText),
  ),
  ...production(
    'UTF8-4',
    [
      '\xf0\x90\x80\x80',
      '\xf0\x9f\x9a\x80',
      '\xf1\x80\x80\x80',
      '\xf3\xbf\xbf\xbf',
      '\xf4\x8f\xbf\xbf',
    ].map(inText),
    [
      '\xf0\x8f\xbf\xbf',
      '\xf0\x80\x80\x80',
      '\xf0\x9f\x9a',
      '\xf0\x9f',
      '\xf0',
      '\xf0\x9f\x9a\x28',
    ].map(inText),
  ),
  ...production(
    'UTF-8 ends with U+10FFFF',
    ['\xf4\x80\x80\x80'].map(inText),
    [
      '\xf4\x90\x80\x80',
      '\xf5\x80\x80\x80',
      '\xf7\xbf\xbf\xbf',
      '\xf8\x88\x80\x80\x80',
      '\xfe',
      '\xff',
    ].map(inText),
  ),
  ...production(
    'UTF8-tail stands behind something',
    [],
    [
      '\x80',
      '\xbf',
      'a\x80',
      '\xc3\xa9\x80',
      '\xe2\x82\xac\x80',
      '\xf0\x9f\x9a\x80\x80',
      '\xf0\x28\x8c\xbc',
    ].map(inText),
  ),
  ...production(
    'UTF-8 is no other encoding',
    [],
    ['gr\xf6\xdfe', '\xe9', '\x93x\x94', '\xa4\xe6']
      .map(inText)
      .concat('[\0"\0x\0"\0]', '\xff\xfe[\0]\0'),
  ),
];
