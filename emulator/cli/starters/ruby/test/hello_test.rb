# The function, called as its users call it.
require 'json'
require 'net/http'

event = File.read(File.expand_path('../events/hello.json', __dir__))
url = URI("#{ENV.fetch('AWS_ENDPOINT_URL')}/2015-03-31/functions/hello/invocations")
answer = Net::HTTP.post(url, event)
abort answer.body if answer['X-Amz-Function-Error']
abort "got #{answer.body}" unless JSON.parse(answer.body) == { 'message' => 'Hello, you!' }
