# frozen_string_literal: true

# The Ruby runtime of one execution environment: a client of the Lambda Runtime API.
#
# Started in one of two ways:
#   with --channel   file descriptor 3 is a connected socket: one line of JSON tells environment, folder and
#                    handler; what follows is HTTP. Such a process may wait for its line long before anyone
#                    needs it.
#   without          the environment is set; AWS_LAMBDA_RUNTIME_API says where to connect.
#
# What a function sees is as under AWS's client: texts of errors, exit codes, `puts`, `Logger`.

require 'json'
require 'logger'
require 'socket'
require 'stringio'

$stdout.sync = true
$stderr.sync = true

# How a function reads its event and writes its result. Users may replace both methods, as under AWS's client.
module AwsLambda
  class Marshaller
    class << self
      def marshall_request(raw_request)
        return raw_request.body unless raw_request['Content-Type'] == 'application/json'

        JSON.parse(raw_request.body)
      end

      # Returns the body, and its type where that is not JSON.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end

# What a handler gets as `context:`.
# https://docs.aws.amazon.com/lambda/latest/dg/ruby-context.html
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :tenant_id, :client_context, :deadline_ms

  def initialize(request)
    @deadline_ms = request['Lambda-Runtime-Deadline-Ms'].to_i
    @aws_request_id = request['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = request['Lambda-Runtime-Invoked-Function-Arn']
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @identity = parsed(request['Lambda-Runtime-Cognito-Identity'])
    @client_context = parsed(request['Lambda-Runtime-Client-Context'])
    tenant = request['Lambda-Runtime-Aws-Tenant-Id'].to_s
    @tenant_id = tenant unless tenant.empty?
  end

  def get_remaining_time_in_millis
    remaining = @deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
    remaining.positive? ? remaining : 0
  end

  private

  def parsed(text)
    JSON.parse(text) unless text.to_s.empty?
  end
end

module Localfaas
  CHANNEL = 3
  API = '/2018-06-01/runtime/'
  TELEMETRY = '_LAMBDA_TELEMETRY_LOG_FD'

  # What the Runtime API answered.
  class Answer
    attr_reader :status, :body

    def initialize(status, headers, body)
      @status = status
      @headers = headers
      @body = body
    end

    def [](name)
      @headers[name.downcase]
    end
  end

  # The Runtime API over one connection. Nothing but it may be between the calls of a function.
  class Client
    def initialize(socket, host)
      @socket = socket
      @host = host
    end

    def read_line
      @socket.gets || exit!(0)
    end

    def next
      answer = ask("GET #{API}invocation/next HTTP/1.1\r\nHost: #{@host}\r\n\r\n")
      raise "Received #{answer.status} when waiting for next invocation." unless answer.status == 200

      answer
    end

    def post(path, body, content_type: 'application/json', error_type: nil)
      body = body.b
      extra = error_type ? "Lambda-Runtime-Function-Error-Type: #{error_type.gsub(/[^ -~]/, '?')}\r\n" : ''
      ask("POST #{API}#{path} HTTP/1.1\r\nHost: #{@host}\r\nContent-Type: #{content_type}\r\n" \
          "#{extra}Content-Length: #{body.bytesize}\r\n\r\n".b + body)
    end

    private

    def ask(request)
      @socket.write(request)
      status = read_line.split(' ', 3)[1].to_i
      headers = {}
      until (line = read_line.chomp).empty?
        name, value = line.split(':', 2)
        headers[name.downcase] = value.strip
      end
      Answer.new(status, headers, body_of(headers))
    end

    def body_of(headers)
      return @socket.read(headers['content-length'].to_i).force_encoding('UTF-8') \
        unless headers['transfer-encoding'] == 'chunked'

      body = +''
      while (size = read_line.to_i(16)).positive?
        body << @socket.read(size)
        read_line
      end
      read_line
      body.force_encoding('UTF-8')
    end
  end

  # Messages in frames, so that one of several lines stays one.
  class Sink < Logger::LogDevice
    def initialize(file)
      @file = file
      @lock = Mutex.new
    end

    def write(message)
      text = message.to_s.b
      now = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
      @lock.synchronize { @file.write([0xa55a0003, text.bytesize, now].pack('L>L>Q>') + text) }
    end

    def reopen(_log = nil); end

    def close; end
  end

  class << self
    attr_accessor :sink, :request_id
  end

  # AWS's format of a logger's lines, with the request's id.
  class Formatter < Logger::Formatter
    def call(severity, time, progname, message)
      format('%<short>s, [%<time>s #%<pid>d] %<severity>5s %<id>s -- %<progname>s: %<message>s',
             short: severity[0], time: format_datetime(time), pid: Process.pid, severity: severity,
             id: Localfaas.request_id, progname: progname, message: msg2str(message))
    end
  end

  # A logger of the standard streams writes frames.
  module FramedLogger
    def initialize(device, *rest, formatter: nil, **options)
      if device.nil? || device == $stdout || device == $stderr
        super(Localfaas.sink, *rest, formatter: formatter || Formatter.new, **options)
      else
        super
      end
    end
  end

  # An error as its caller sees it.
  class Failure
    ALLOWED = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit
                 SystemStackError].freeze
    OWN = __dir__

    def initialize(error, kind)
      @error = error
      @kind = kind
    end

    def payload
      {
        errorMessage: @error.message,
        errorType: "#{@kind}<#{@error.class}>",
        stackTrace: (@error.backtrace_locations || []).first(100).map(&:to_s).take_while { |line| !own?(line) }
      }
    end

    # What is told beside it: names of the user's own classes are not.
    def type
      ALLOWED.include?(@error.class.to_s) ? "#{@kind}<#{@error.class}>" : 'Function<UserException>'
    end

    def log(title)
      puts title
      puts JSON.pretty_generate(payload)
    end

    private

    def own?(line)
      line.start_with?(OWN)
    end
  end

  # The function's method.
  class Handler
    FORM = 'must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing ' \
           'Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable ' \
           'method. If using CLASS, METHOD must be a class-level method.'

    attr_reader :file

    def initialize(text)
      parts = text.split('.')
      raise ArgumentError, "Invalid handler #{parts}, #{FORM}" unless [2, 3].include?(parts.size)

      @file, @method = parts.values_at(0, -1)
      @class = parts[1] if parts.size == 3
    end

    def call(event, context)
      receiver = @class ? Kernel.const_get(@class) : TOPLEVEL
      AwsLambda::Marshaller.marshall_response(receiver.__send__(@method, event: event, context: context))
    end
  end

  # From the start to the end of the process.
  class Runtime
    def self.start(arguments)
      early = arguments == ['--channel']
      arguments.clear
      early ? started_early : new(connect, ENV.fetch('LAMBDA_TASK_ROOT', Dir.pwd), ENV.fetch('_HANDLER', ''))
    end

    def self.started_early
      socket = Socket.for_fd(CHANNEL)
      socket.close_on_exec = true
      client = Client.new(socket, 'localhost')
      order = JSON.parse(client.read_line)
      ENV.replace(order['environ'])
      Dir.chdir(order['cwd'])
      ENV.fetch('RUBYLIB', '').split(':').reverse_each { |folder| $LOAD_PATH.unshift(folder) }
      Gem.paths = ENV.to_h
      new(client, order['cwd'], order['handler'])
    end

    def self.connect
      address = ENV.fetch('AWS_LAMBDA_RUNTIME_API')
      host, _, port = address.rpartition(':')
      socket = TCPSocket.new(host, port.to_i)
      socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      socket.close_on_exec = true
      Client.new(socket, address)
    end

    def initialize(client, root, handler)
      @client = client
      @root = root
      @text = handler
    end

    def run
      frame_logs
      $LOAD_PATH.unshift(@root) unless $LOAD_PATH.include?(@root)
      load_handler
      loop { serve(@client.next) }
    end

    private

    def load_handler
      @handler = Handler.new(@text)
      require @handler.file
    rescue Exception => e # whatever ends the function's own code: a syntax error, too
      failure = Failure.new(e, 'Init')
      failure.log('Init error when loading handler')
      @client.post('init/error', failure.payload.to_json, error_type: failure.type)
      exit!(252)
    end

    def serve(request)
      id = Localfaas.request_id = $_global_aws_request_id = request['Lambda-Runtime-Aws-Request-Id']
      if (trace = request['Lambda-Runtime-Trace-Id'])
        ENV['_X_AMZN_TRACE_ID'] = trace
      end
      body, type = @handler.call(AwsLambda::Marshaller.marshall_request(request), LambdaContext.new(request))
      body = body.read if type == 'application/unknown'
      @client.post("invocation/#{id}/response", body.to_s, content_type: type || 'application/json')
    rescue NameError, SystemExit, SystemStackError, NoMemoryError, ScriptError, SignalException => e
      fail(id, e, 'Critical exception from handler')
      exit!(255)
    rescue StandardError => e
      fail(id, e, 'Error raised from handler method')
    rescue Exception => e # one of the function's own, beside StandardError
      fail(id, e, 'Critical exception from handler')
      exit!(255)
    end

    def fail(id, error, title)
      failure = Failure.new(error, 'Function')
      failure.log(title)
      @client.post("invocation/#{id}/error", failure.payload.to_json, error_type: failure.type)
    end

    def frame_logs
      descriptor = ENV.delete(TELEMETRY) or return
      file = IO.new(descriptor.to_i, 'wb', autoclose: false)
      file.sync = true
      Localfaas.sink = Sink.new(file)
      Logger.prepend(FramedLogger)
      Kernel.module_eval do
        def puts(*parts)
          text = parts.flatten.map { |part| part.to_s.encode('UTF-8') }.join("\n")
          Localfaas.sink.write(text.end_with?("\n") ? text : "#{text}\n")
          nil
        end
      end
    end
  end
end

Localfaas::TOPLEVEL = self
Localfaas::Runtime.start(ARGV).run
